//! `--date`: the date that chat templates see.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};
use wolfgang_generate::{ChatTemplate, GenerateError, Tokenizer, WolfgangGenerator};

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChatDate {
    year: u16,
    month: u8,
    day: u8,
}

impl ChatDate {
    /// The date of the system's clock, in UTC.
    pub(crate) fn today() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::after_epoch(now.unwrap_or_default().as_secs() / 86_400)
    }

    /// The date this many days after 1970-01-01.
    fn after_epoch(days: u64) -> Self {
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let (mut year, mut day) = (1970, days);
        while day >= 365 + u64::from(is_leap(year)) {
            day -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let february = 28 + u64::from(is_leap(year));
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month,
            day: u8::try_from(day + 1).unwrap_or(u8::MAX),
        }
    }

    /// The tokenizer with this date in its chat template.
    pub(crate) fn in_tokenizer(self, tokenizer: Tokenizer) -> Result<Tokenizer, GenerateError> {
        Ok(tokenizer.with_chat_date(self.year, self.month, self.day)?)
    }

    /// The generator with this date in its chat template.
    pub(crate) fn in_generator(
        self,
        generator: WolfgangGenerator,
    ) -> Result<WolfgangGenerator, GenerateError> {
        generator.with_chat_date(self.year, self.month, self.day)
    }
}

impl FromStr for ChatDate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let date = match parts.as_slice() {
            [year, month, day] => match (year.parse(), month.parse(), day.parse()) {
                (Ok(year), Ok(month), Ok(day)) => Some(Self { year, month, day }),
                _ => None,
            },
            _ => None,
        };
        let exists = |date: &Self| {
            let template = ChatTemplate::new("");
            let dated = template.and_then(|it| it.with_date(date.year, date.month, date.day));
            dated.is_ok()
        };
        date.filter(exists)
            .ok_or_else(|| "it must be a date, YYYY-MM-DD".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (364, "1970-12-31"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_635, "2026-07-01"),
        ] {
            assert_eq!(Ok(ChatDate::after_epoch(days)), text.parse());
        }
        for bad in ["", "2024", "2024-02-30", "2024-1-1-1", "heute", "0-1-1"] {
            assert!(bad.parse::<ChatDate>().is_err(), "{bad}");
        }
    }
}
