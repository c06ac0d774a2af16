//! Retries of requests.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

/// Maximum number of attempts of a request, and of consecutive stalled attempts of a download.
pub(super) const MAX_ATTEMPTS: u32 = 4;

/// Default pause after the first attempt. It doubles with each further attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// Maximum of a pause, also of one that the server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// A clock for the pauses between requests. Tests replace it so that they do not wait.
pub trait HubClock: Debug + Send + Sync {
    /// Returns the current time.
    fn now(&self) -> SystemTime;
    /// Blocks the thread for this time.
    fn sleep(&self, duration: Duration);
}

/// The clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl HubClock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Whether the same request may succeed later.
pub(super) fn is_temporary(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// Returns the pause after an attempt, counted from 0. `requested` is the pause that the server
/// asks for.
pub(super) fn pause(attempt: u32, requested: Option<Duration>) -> Duration {
    let default = PAUSE * (1 << attempt.min(16));
    requested.unwrap_or(default).min(MAX_PAUSE)
}

/// Parses the header `Retry-After`: seconds or a date.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds(header)?);
    Some(date.duration_since(now).unwrap_or_default())
}

/// Parses an HTTP date, for example `Sun, 06 Nov 1994 08:49:37 GMT`, to seconds since 1970.
fn unix_seconds(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = date.split_once(", ")?;
    let [day, month, year, time, "GMT"] = date.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let number = |text: &str, range: std::ops::RangeInclusive<u64>| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|n| digits && range.contains(n))
    };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)? as u64;
    let (day, year) = (number(day, 1..=31)?, number(year, 1970..=9999)?);
    let seconds =
        3600 * number(hour, 0..=23)? + 60 * number(minute, 0..=59)? + number(second, 0..=60)?;
    // In years that begin in March, the leap day is the last day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    const TO_1970: u64 = 719_468;
    Some((days - TO_1970) * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_parsed() {
        let seconds = |date| unix_seconds(date);
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(
            seconds("Tue, 29 Feb 2028 23:59:59 GMT"),
            Some(1_835_481_599)
        );
        for broken in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(seconds(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let parsed = |header| retry_after(header, now);
        assert_eq!(parsed(" 3 "), Some(Duration::from_secs(3)));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(parsed(date), Some(Duration::from_secs(7)));
        assert_eq!(
            parsed("Sun, 06 Nov 1994 08:49:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(parsed("-1"), None);
    }

    #[test]
    fn pauses_grow_and_are_bounded() {
        let own: Vec<_> = (0..3)
            .map(|attempt| pause(attempt, None).as_millis())
            .collect();
        assert_eq!(own, [200, 400, 800]);
        assert_eq!(pause(30, None), MAX_PAUSE);
        assert_eq!(
            pause(0, Some(Duration::from_secs(2))),
            Duration::from_secs(2)
        );
        assert_eq!(pause(0, Some(Duration::MAX)), MAX_PAUSE);
    }
}
