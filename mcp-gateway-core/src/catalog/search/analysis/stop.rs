//! Words that say nothing about what is looked for.

use std::collections::HashSet;
use std::sync::LazyLock;

/// What English sentences are held together with, and how people speak to an assistant.
const FILLERS: &str = "
a about above after again against all also always am an and any anybody anyone anything are arent around as at away
be became because been before being below between both but by
can cannot cant come could couldnt
did didnt do does doesnt doing done dont down during
each either else ever every everyone everything
few for from further
give given go going gonna got
had has have havent having he hello help hence her here hers herself hey hi him himself his how however
i id if ill im in instead into is isnt it its itself ive
just
keen kindly know
let lets like likely looking lot
made make makes making many may maybe me might mine more moreover most much must my myself
need needed needs neither no nor not now
of off ok okay on once one only onto or other others otherwise ought our ours ourselves out over own
perhaps please possible provide provided
quite
rather really regarding
same shall she should shouldnt since so some somebody someone something soon specific specifically such sure
take tell than thank thanks that thats the their theirs them themselves then there theres these they theyre thing things
this those though through thus to together too toward towards trying
under unless until up upon us use used useful using
various very via
want wanted wants was wasnt way we well were werent what whatever whats when whenever where wherever whether which while
who whoever whom whose why will wish with within without wonder wondering wont would wouldnt
yes yet you youd your youre yours yourself yourselves
curious interested assist assistance able additionally finally lastly furthermore firstly secondly currently
";

static SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| FILLERS.split_whitespace().collect());

/// Whether a word, as it is written, says nothing about what is looked for.
pub(in super::super) fn is_filler(plain: &str) -> bool {
    plain.len() < 2 || SET.contains(plain)
}
