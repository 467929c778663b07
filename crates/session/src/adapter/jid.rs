//! JIDs as users write them.

use wacore_binary::{Jid, Server};

/// Digits in a phone number: the shortest that exist, and what numbering plans allow.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
/// Characters in the part before the `@`.
const USER_MAX: usize = 64;

/// Someone or something to write to. The error says what a recipient looks like; it never repeats what was given.
pub fn recipient(text: &str) -> Result<Jid, String> {
    let text = text.trim();
    let Some((user, server)) = text.split_once('@') else {
        return phone(text).map(Jid::pn);
    };
    if user.is_empty() || user.len() > USER_MAX {
        return Err(expected());
    }
    // A device is never written to: its user is.
    let bare = user.split(':').next().unwrap_or_default();
    match server {
        "s.whatsapp.net" | "c.us" => phone(bare).map(Jid::pn),
        "lid" if digits(bare) => Ok(Jid::lid(bare)),
        "g.us" if bare.bytes().all(|b| b.is_ascii_digit() || b == b'-') => Ok(Jid::group(bare)),
        "newsletter" if digits(bare) => Ok(Jid::newsletter(bare)),
        "broadcast" if bare == "status" || digits(bare) => Ok(Jid::new(bare, Server::Broadcast)),
        _ => Err(expected()),
    }
}

/// A person: to mention, to quote.
pub fn person(text: &str) -> Result<Jid, String> {
    let jid = recipient(text)?;
    if jid.is_pn() || jid.is_lid() { Ok(jid) } else { Err("should be a phone number or a person's JID".to_owned()) }
}

/// The digits of a phone number written with `+`, spaces, dashes, dots or parentheses.
pub fn phone(text: &str) -> Result<String, String> {
    let mut number = String::with_capacity(text.len().min(*DIGITS.end() + 1));
    for (at, char) in text.trim().char_indices() {
        match char {
            '0'..='9' if number.len() <= *DIGITS.end() => number.push(char),
            '+' if at == 0 => {}
            ' ' | '\u{a0}' | '-' | '.' | '(' | ')' => {}
            _ => return Err(expected()),
        }
    }
    if DIGITS.contains(&number.len()) {
        Ok(number)
    } else {
        Err(format!(
            "should be a phone number of {} to {} digits with its country code, or a JID",
            DIGITS.start(),
            DIGITS.end()
        ))
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn expected() -> String {
    "should be a phone number with its country code, or a JID ending in @s.whatsapp.net, @g.us, @lid, @newsletter or @broadcast".to_owned()
}

/// The chat that an event belongs to: without device, and the phone number's JID of a LID where it is known, so that
/// the order within a chat survives WhatsApp's change of addresses.
pub fn chat_key(chat: &Jid, known_as: Option<&Jid>) -> String {
    match known_as {
        Some(other) if chat.is_lid() && other.is_pn() => other.to_non_ad_string(),
        _ => chat.to_non_ad_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_read_as_people_write_them() {
        let cases = [
            ("+49 (151) 234-56.78", "491512345678@s.whatsapp.net"),
            ("5511999999999", "5511999999999@s.whatsapp.net"),
            (" 5511999999999 ", "5511999999999@s.whatsapp.net"),
            ("5511999999999@s.whatsapp.net", "5511999999999@s.whatsapp.net"),
            ("5511999999999:7@s.whatsapp.net", "5511999999999@s.whatsapp.net"),
            ("5511999999999@c.us", "5511999999999@s.whatsapp.net"),
            ("+5511999999999@s.whatsapp.net", "5511999999999@s.whatsapp.net"),
            ("100000012345678@lid", "100000012345678@lid"),
            ("100000012345678:4@lid", "100000012345678@lid"),
            ("120363021033254949@g.us", "120363021033254949@g.us"),
            ("491512345678-1400000000@g.us", "491512345678-1400000000@g.us"),
            ("120363298765432100@newsletter", "120363298765432100@newsletter"),
            ("status@broadcast", "status@broadcast"),
            ("1400000000@broadcast", "1400000000@broadcast"),
        ];
        for (given, expected) in cases {
            let read = recipient(given).map(|jid| jid.to_string());
            assert_eq!(read.as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "1".repeat(16);
        let user = format!("{}@g.us", "1".repeat(65));
        for given in [
            "",
            "@",
            "@lid",
            "bob",
            "1234",
            &long,
            &user,
            "12+345678",
            "٠١٢٣٤٥٦٧",
            "1@2@lid",
            "5511999999999@example.org",
            "bob@s.whatsapp.net",
            "x@lid",
            "\0@lid",
            "5511999999999@LID ",
        ] {
            assert!(recipient(given).is_err(), "{given:?} was accepted");
        }
        assert!(person("120363021033254949@g.us").is_err());
    }

    #[test]
    fn a_chat_has_one_key_whichever_way_it_is_addressed() {
        let pn: Jid = "5511999999999:3@s.whatsapp.net".parse().unwrap();
        let lid: Jid = "100000012345678:3@lid".parse().unwrap();
        assert_eq!(chat_key(&lid, Some(&pn)), "5511999999999@s.whatsapp.net");
        assert_eq!(chat_key(&pn, Some(&lid)), "5511999999999@s.whatsapp.net");
        assert_eq!(chat_key(&lid, None), "100000012345678@lid");
    }
}
