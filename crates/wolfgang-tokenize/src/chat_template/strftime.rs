//! The function `strftime_now`, for a date that the caller sets.

use minijinja::{Error, ErrorKind};
use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Returns `None` if there is no such date, or if its year is not 1 to 9999.
    pub(super) fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap_year =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 if is_leap_year => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let exists = (1..=9999).contains(&year) && (1..=last).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// The date at midnight in the format of Python's `strftime`.
    pub(super) fn format(self, format: &str) -> Result<String, Error> {
        let Self { year, month, day } = self;
        let month_name = MONTHS[usize::from(month) - 1];
        let day_name = DAYS[self.weekday()];
        let mut text = String::new();
        let mut characters = format.chars();
        while let Some(c) = characters.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let directive = characters.next();
            let (padded, directive) = match directive {
                Some('-') => (false, characters.next()),
                other => (true, other),
            };
            match directive {
                Some('Y') => write!(text, "{year}")?,
                Some('y') if padded => write!(text, "{:02}", year % 100)?,
                Some('m') if padded => write!(text, "{month:02}")?,
                Some('m') => write!(text, "{month}")?,
                Some('d') if padded => write!(text, "{day:02}")?,
                Some('d') => write!(text, "{day}")?,
                Some('e') => write!(text, "{day:2}")?,
                Some('B') => text.push_str(month_name),
                Some('b' | 'h') => text.push_str(&month_name[..3]),
                Some('A') => text.push_str(day_name),
                Some('a') => text.push_str(&day_name[..3]),
                Some('F') => write!(text, "{year}-{month:02}-{day:02}")?,
                Some('H' | 'M' | 'S') => text.push_str("00"),
                Some('I') => text.push_str("12"),
                Some('p') => text.push_str("AM"),
                Some('T') => text.push_str("00:00:00"),
                Some('%') => text.push('%'),
                other => {
                    let directive: String = other.into_iter().collect();
                    let reason = format!("strftime_now does not support %{directive}");
                    return Err(Error::new(ErrorKind::InvalidOperation, reason));
                }
            }
        }
        Ok(text)
    }

    /// Days since Sunday, by the method of Sakamoto.
    fn weekday(self) -> usize {
        const OFFSETS: [usize; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = usize::from(self.year) - usize::from(self.month < 3);
        let offset = OFFSETS[usize::from(self.month) - 1];
        (year + year / 4 - year / 100 + year / 400 + offset + usize::from(self.day)) % 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_those_of_python() {
        let date = Date::new(2024, 7, 6).unwrap();
        let formatted = date
            .format("%d %b %Y, %A %B %-d %y-%m %H:%M:%S 100%%")
            .unwrap();
        assert_eq!(
            formatted,
            "06 Jul 2024, Saturday July 6 24-07 00:00:00 100%"
        );
        assert!(date.format("%Q").is_err() && date.format("%").is_err());
        assert_eq!(Date::new(2000, 2, 29).unwrap().format("%a").unwrap(), "Tue");
    }

    #[test]
    fn impossible_dates_are_refused() {
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 13, 1),
            (2024, 4, 31),
            (0, 1, 1),
            (2024, 1, 0),
        ] {
            assert!(
                Date::new(year, month, day).is_none(),
                "{year}-{month}-{day}"
            );
        }
    }
}
