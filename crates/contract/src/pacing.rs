//! `/session/pacing`: how fast a session's sends go out.

use serde::{Serialize, Serializer};

use crate::payload::{Fields, Invalid, Payload, Result};

const MINUTES_OF_A_DAY: i64 = 24 * 60;
const PER_MINUTE_MAX: i64 = 1_000;
const PER_HOUR_MAX: i64 = 10_000;
const PER_DAY_MAX: i64 = 50_000;
/// Seconds between two sends to one recipient.
const GAP_MAX: i64 = 24 * 3600;
/// Milliseconds for one character.
const PER_CHARACTER_MAX: i64 = 1_000;
/// Seconds of typing: longer than that nobody believes it, and other sends wait meanwhile.
const TYPING_MAX: i64 = 60;
const TYPING_DEFAULT: u32 = 20;

/// What is 0 or absent is off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Pacing {
    pub per_minute: u32,
    pub per_hour: u32,
    pub per_day: u32,
    /// Seconds between two sends to one recipient.
    pub recipient_gap: u32,
    /// Milliseconds that the recipient sees somebody typing, for each character.
    pub typing_per_character: u32,
    /// Seconds of typing at most.
    pub typing_max: u32,
    pub quiet_hours: Option<QuietHours>,
}

/// Hours of the day in which nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct QuietHours {
    /// Minutes after midnight.
    #[serde(serialize_with = "clock")]
    pub from: i64,
    /// Before `from` if the night is in between.
    #[serde(serialize_with = "clock")]
    pub to: i64,
    /// Minutes that the clocks are ahead of UTC.
    #[serde(serialize_with = "offset")]
    pub offset: i64,
}

impl Pacing {
    pub fn is_off(&self) -> bool {
        *self == Self { typing_max: self.typing_max, ..Self::default() }
    }
}

impl Payload for Pacing {
    fn read(mut fields: Fields) -> Result<Self> {
        let mut number = |name: &'static str, max: i64| -> Result<u32> {
            let given = fields.integer(name, 0..=max)?.unwrap_or(0);
            Ok(u32::try_from(given).unwrap_or(0))
        };
        let mut pacing = Self {
            per_minute: number("PerMinute", PER_MINUTE_MAX)?,
            per_hour: number("PerHour", PER_HOUR_MAX)?,
            per_day: number("PerDay", PER_DAY_MAX)?,
            recipient_gap: number("RecipientGap", GAP_MAX)?,
            typing_per_character: number("TypingPerCharacter", PER_CHARACTER_MAX)?,
            typing_max: number("TypingMax", TYPING_MAX)?,
            quiet_hours: None,
        };
        if pacing.typing_per_character > 0 && pacing.typing_max == 0 {
            pacing.typing_max = TYPING_DEFAULT;
        }
        if let Some(given) = fields.optional("QuietHours") {
            pacing.quiet_hours = Some(QuietHours::read(given.object()?)?);
        }
        Ok(pacing)
    }
}

impl QuietHours {
    fn read(mut fields: Fields) -> Result<Self> {
        let mut time = |name: &'static str| {
            let text = fields.required(name)?.text(16)?;
            minutes(&text)
                .filter(|minutes| *minutes < MINUTES_OF_A_DAY)
                .ok_or_else(|| Invalid::field(format!("QuietHours.{name}"), "a time of day, as 22:00"))
        };
        let (from, to) = (time("From")?, time("To")?);
        if from == to {
            return Err(Invalid::field("QuietHours.To", "another time than QuietHours.From"));
        }
        let offset = match fields.text("Offset", 16)?.as_deref() {
            None | Some("Z" | "z") => 0,
            Some(text) => {
                let (sign, rest) = match text.as_bytes()[0] {
                    b'-' => (-1, &text[1..]),
                    b'+' => (1, &text[1..]),
                    _ => (1, text),
                };
                let offset = minutes(rest).filter(|minutes| *minutes <= 14 * 60);
                sign * offset.ok_or_else(|| Invalid::field("QuietHours.Offset", "an offset from UTC, as -03:00"))?
            }
        };
        Ok(Self { from, to, offset })
    }

    /// When the quiet ends that this moment is in (unix ms); `None` if it is in none.
    pub fn end(&self, at_ms: i64) -> Option<i64> {
        const MINUTE_MS: i64 = 60_000;
        let day = MINUTES_OF_A_DAY * MINUTE_MS;
        let since_midnight = (at_ms.saturating_add(self.offset * MINUTE_MS)).rem_euclid(day);
        let since_from = (since_midnight - self.from * MINUTE_MS).rem_euclid(day);
        let length = ((self.to - self.from) * MINUTE_MS).rem_euclid(day);
        (since_from < length).then(|| at_ms + length - since_from)
    }
}

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| match text.len() {
        1 | 2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<i64>().ok(),
        _ => None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn clock<S: Serializer>(minutes: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:02}:{:02}", minutes / 60, minutes % 60))
}

fn offset<S: Serializer>(minutes: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let sign = if *minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    serializer.collect_str(&format_args!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Pacing> {
        Pacing::read(Fields::parse(body.as_bytes())?)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for body in [
            r#"{"PerMinute":10,"perhour":100,"PerDay":500,"RecipientGap":30,"TypingPerCharacter":50}"#,
            r#"{"QuietHours":{"From":"22:00","To":"7:30","Offset":"-03:00"}}"#,
            r#"{"QuietHours":{"From":"0:00","To":"01:00"}}"#,
        ] {
            let pacing = read(body).unwrap();
            assert!(!pacing.is_off(), "{body}");
            let text = serde_json::to_string(&pacing).unwrap();
            assert_eq!(read(&text).unwrap(), pacing, "{text}");
        }
        assert!(read("{}").unwrap().is_off());
        assert!(read(r#"{"TypingMax":5,"QuietHours":null}"#).unwrap().is_off());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (r#"{"PerMinute":-1}"#, "PerMinute"),
            (r#"{"QuietHours":"night"}"#, "QuietHours"),
            (r#"{"QuietHours":{"To":"07:00"}}"#, "QuietHours.From"),
            (r#"{"QuietHours":{"From":"22:00","To":"24:00"}}"#, "QuietHours.To"),
            (r#"{"QuietHours":{"From":"22:00","To":"22:00"}}"#, "QuietHours.To"),
            (r#"{"QuietHours":{"From":"22:00","To":"07:00","Offset":"é"}}"#, "QuietHours.Offset"),
            (r#"{"QuietHours":{"From":"22:00","To":"07:00","Offset":"+15:00"}}"#, "QuietHours.Offset"),
        ] {
            let error = read(body).unwrap_err().to_string();
            assert!(error.contains(&format!("{field} ")), "{body}: {error}");
        }
    }

    #[test]
    fn the_night_has_an_end() {
        // 2023-11-14T22:13:20Z
        let at = 1_700_000_000_000;
        let minute = 60_000;
        let quiet =
            |from: i64, to: i64, offset: i64| QuietHours { from, to, offset }.end(at).map(|end| (end - at) / 1000);
        assert_eq!(quiet(22 * 60, 7 * 60, 0), Some(9 * 3600 - 13 * 60 - 20), "over midnight");
        assert_eq!(quiet(20 * 60, 23 * 60, 0), Some(46 * 60 + 40));
        assert_eq!(quiet(23 * 60, 7 * 60, 0), None);
        assert_eq!(quiet(22 * 60, 7 * 60, -180), None, "there it is 19:13");
        assert_eq!(quiet(22 * 60, 7 * 60, 540), None, "there it is 7:13");
        let quiet = QuietHours { from: 22 * 60, to: 22 * 60 + 14, offset: 0 };
        let end = quiet.end(at).unwrap();
        assert_eq!(quiet.end(end), None, "the end is not quiet any more");
        assert_eq!(quiet.end(end - 1), Some(end));
        assert_eq!(quiet.end(end - 15 * minute), None);
    }
}
