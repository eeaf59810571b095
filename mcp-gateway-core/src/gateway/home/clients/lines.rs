//! What a change does to a text, for people.

/// How many lines around a change are shown.
const AROUND: usize = 3;

/// The lines that a change takes out and puts in, in one piece, with those around it; empty where nothing changes.
pub(super) fn diff(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let left = old.len().min(new.len()) - same;
    let tail = old.iter().rev().zip(new.iter().rev()).take(left).take_while(|(old, new)| old == new).count();
    if before == after {
        return String::new();
    }
    let mut shown = format!("@@ line {} @@\n", same + 1);
    let mut show = |mark: char, lines: &[&str]| {
        for line in lines {
            shown.push(mark);
            shown.push_str(line);
            shown.push('\n');
        }
    };
    show(' ', &old[same.saturating_sub(AROUND)..same]);
    show('-', &old[same..old.len() - tail]);
    show('+', &new[same..new.len() - tail]);
    show(' ', &old[old.len() - tail..(old.len() - tail + AROUND).min(old.len())]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        assert_eq!(diff("a\nb\n", "a\nb\n"), "");
        assert_eq!(diff("a\nb\nc\n", "a\nx\nb\nc\n"), "@@ line 2 @@\n a\n+x\n b\n c\n");
        assert_eq!(diff("a\na\n", "a\n"), "@@ line 2 @@\n a\n-a\n");
        assert_eq!(diff("", "x\n"), "@@ line 1 @@\n+x\n");
    }
}
