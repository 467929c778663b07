//! `/send/poll`.

use super::{Content, Envelope, Part, words};
use crate::payload::{Fields, Invalid, Name, Result};

const QUESTION_MAX: usize = 255;
const OPTION_MAX: usize = 100;
/// WhatsApp's own bounds.
const OPTIONS: std::ops::RangeInclusive<usize> = 2..=12;

const QUESTION: Name = Name { field: "Question", aliases: &["Header", "Name"] };
const MAX_ANSWER: Name = Name { field: "MaxAnswer", aliases: &["MaxAnswers", "SelectableCount"] };

/// `POST /send/poll`
pub struct Poll {
    pub question: String,
    pub options: Vec<String>,
    /// How many may be chosen; 0 for all.
    pub max_answer: u32,
}

impl Part for Poll {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let question = words(fields, QUESTION, QUESTION_MAX)?;
        let options = fields.required("Options")?.texts(*OPTIONS.end(), OPTION_MAX)?;
        let options: Vec<String> = options.iter().map(|option| option.trim().to_owned()).collect();
        if !OPTIONS.contains(&options.len()) {
            let expected = format!("a list of {} to {} strings", OPTIONS.start(), OPTIONS.end());
            return Err(Invalid::field("Options", expected));
        }
        if options.iter().any(String::is_empty) {
            return Err(Invalid::field("Options", "without an empty one"));
        }
        // A vote names an option by its text alone.
        if options.iter().enumerate().any(|(at, option)| options[..at].contains(option)) {
            return Err(Invalid::field("Options", "all different"));
        }
        let most = i64::try_from(options.len()).unwrap_or(i64::MAX);
        let max_answer = fields.integer(MAX_ANSWER, 0..=most)?.unwrap_or(1);
        Ok(Self { question, options, max_answer: u32::try_from(max_answer).unwrap_or(1) })
    }

    fn content(self) -> Content {
        Content::Poll(self)
    }
}
