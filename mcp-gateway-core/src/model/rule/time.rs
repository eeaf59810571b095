//! When a rule counts.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// When a rule counts: between two times of day, on some days of the week, as the clock of a place shows them.
///
/// # Behavior
/// - `from` counts in, `until` does not; one that is missing is midnight.
/// - `from: "18:00", until: "08:00"` is a night. The day is then the one on which it is asked, not the one on which the
///   night began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TimeWindow {
    /// From this time of day on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<TimeOfDay>,
    /// Up to this time of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<TimeOfDay>,
    /// On these days; none means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// By whose clock, such as `Europe/Berlin`; UTC where nothing is written.
    #[serde(skip_serializing_if = "Zone::is_utc")]
    pub zone: Zone,
}

/// A time of day, `HH:MM`; as a number, the minutes since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
#[non_exhaustive]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time zone by its name in the IANA database, which comes with the program.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl TimeWindow {
    /// Whether a time, in milliseconds since the Unix epoch, lies in it.
    pub fn contains(&self, millis: i64) -> bool {
        let Ok(time) = Timestamp::from_millisecond(millis) else { return false };
        let local = self.zone.zone.to_datetime(time);
        let day = match local.weekday() {
            jiff::civil::Weekday::Monday => Weekday::Mon,
            jiff::civil::Weekday::Tuesday => Weekday::Tue,
            jiff::civil::Weekday::Wednesday => Weekday::Wed,
            jiff::civil::Weekday::Thursday => Weekday::Thu,
            jiff::civil::Weekday::Friday => Weekday::Fri,
            jiff::civil::Weekday::Saturday => Weekday::Sat,
            jiff::civil::Weekday::Sunday => Weekday::Sun,
        };
        let minute = TimeOfDay(u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs()));
        let from = self.from.unwrap_or(TimeOfDay(0));
        let until = self.until.unwrap_or(TimeOfDay(MINUTES));
        let is_between = if from < until { from <= minute && minute < until } else { from <= minute || minute < until };
        is_between && (self.days.is_empty() || self.days.contains(&day))
    }
}

/// The minutes of a day.
const MINUTES: u16 = 24 * 60;

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
        let numbers = parts.and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
        match numbers {
            Some((hour, minute)) if (hour < 24 && minute < 60) || (hour, minute) == (24, 0) => {
                Ok(Self(hour * 60 + minute))
            }
            _ => Err(format!("`{text}` is not a time of day: write such as \"08:30\"")),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.0 / 60, time.0 % 60)
    }
}

impl Zone {
    fn is_utc(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        // The bundled database alone, so that a rule means the same on every machine.
        match TimeZoneDatabase::bundled().get(&name) {
            Ok(zone) => Ok(Self { name, zone }),
            Err(_) => Err(format!("`{name}` is not a time zone: write such as `Europe/Berlin` or `UTC`")),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({:?})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(json: &str) -> TimeWindow {
        serde_json::from_str(json).unwrap()
    }

    fn at(time: &str) -> i64 {
        time.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn days_and_nights_are_those_of_the_place() {
        let work = window(r#"{"from":"08:00","until":"18:00","days":["mon","fri"],"zone":"Europe/Berlin"}"#);
        assert!(work.contains(at("2026-11-27T07:00:00Z")), "8 o'clock on a Friday in winter");
        assert!(!work.contains(at("2026-11-27T06:59:59Z")));
        assert!(work.contains(at("2026-07-03T06:00:00Z")), "8 o'clock on a Friday in summer");
        assert!(!work.contains(at("2026-07-03T16:00:00Z")), "`until` does not count in");
        assert!(!work.contains(at("2026-11-28T10:00:00Z")), "Saturday");
        let night = window(r#"{"from":"22:00","until":"06:00"}"#);
        assert!(night.contains(at("2026-11-27T23:00:00Z")) && night.contains(at("2026-11-27T05:59:00Z")));
        assert!(!night.contains(at("2026-11-27T06:00:00Z")));
        assert!(window(r#"{"days":["fri"]}"#).contains(at("2026-11-27T23:59:59Z")));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in
            [r#"{"from":"8:00"}"#, r#"{"from":"25:00"}"#, r#"{"zone":"Europe/Atlantis"}"#, r#"{"days":["funday"]}"#]
        {
            assert!(serde_json::from_str::<TimeWindow>(bad).is_err(), "{bad}");
        }
        let text = r#"{"from":"08:30","days":["sat"],"zone":"Asia/Tokyo"}"#;
        assert_eq!(serde_json::to_string(&window(text)).unwrap(), text);
    }
}
