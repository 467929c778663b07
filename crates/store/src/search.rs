//! Full-text search that finds the same on both engines.
//!
//! What is a word is decided here, and not by the engines, whose ideas of it differ: texts are stored as a row of words
//! in a normal form, and a query is built from the words of what was asked. So nothing that a user writes is syntax.

use crate::db::Engine;

/// Words and phrases in one query; the others are left out.
const TERMS_MAX: usize = 32;

/// The words of a text, in lower case and without accents, with one space between them.
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut inside = false;
    for char in text.chars() {
        if is_mark(char) {
            continue;
        }
        if !char.is_alphanumeric() {
            inside = false;
            continue;
        }
        // Scripts that put nothing between words are searched character by character.
        let alone = stands_alone(char);
        if !words.is_empty() && (alone || !inside) {
            words.push(' ');
        }
        match unaccented(char) {
            Some(plain) => words.push_str(plain),
            None => words.extend(char.to_lowercase().filter(|char| !is_mark(*char))),
        }
        inside = !alone;
    }
    words
}

/// What is looked for: all of its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    terms: Vec<Term>,
}

/// Words that stand in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    words: Vec<String>,
    /// The last of the words may go on.
    prefix: bool,
}

impl Search {
    /// Reads words, `"several words in a row"`, and `begin*`. `None` if there is no word in it.
    pub fn read(text: &str) -> Option<Self> {
        let mut terms = Vec::new();
        // Every second part stands in quotes.
        for (at, part) in text.split('"').enumerate() {
            let pieces: Vec<&str> = if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() };
            for piece in pieces {
                let piece = piece.trim_end();
                let words: Vec<String> = words(piece).split_whitespace().map(str::to_owned).collect();
                if !words.is_empty() && terms.len() < TERMS_MAX {
                    terms.push(Term { words, prefix: piece.ends_with('*') });
                }
            }
        }
        (!terms.is_empty()).then_some(Self { terms })
    }

    /// As the engine's query language has it. Words are letters and digits, so quoting them is all that it takes.
    pub(crate) fn query(&self, engine: Engine) -> String {
        let terms = self.terms.iter().map(|Term { words, prefix }| match engine {
            Engine::Sqlite => format!("\"{}\"{}", words.join(" "), if *prefix { " *" } else { "" }),
            Engine::Postgres => {
                let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
                format!("({}{})", quoted.join(" <-> "), if *prefix { ":*" } else { "" })
            }
        });
        let and = match engine {
            Engine::Sqlite => " AND ",
            Engine::Postgres => " & ",
        };
        terms.collect::<Vec<_>>().join(and)
    }
}

fn stands_alone(char: char) -> bool {
    matches!(char, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Accents that follow their letter.
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}')
}

/// The letters that European languages put accents on.
fn unaccented(char: char) -> Option<&'static str> {
    Some(match char {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' => "a",
        'Æ' | 'æ' => "ae",
        'Ç' | 'ç' | 'Ć'..='č' => "c",
        'Ď'..='đ' => "d",
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' => "e",
        'Ĝ'..='ģ' => "g",
        'Ĥ'..='ħ' => "h",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' => "i",
        'Ĵ' | 'ĵ' => "j",
        'Ķ' | 'ķ' => "k",
        'Ĺ'..='ł' => "l",
        'Ñ' | 'ñ' | 'Ń'..='ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='ő' => "o",
        'Œ' | 'œ' => "oe",
        'Ŕ'..='ř' => "r",
        'Ś'..='š' | 'Ș' | 'ș' => "s",
        'ß' => "ss",
        'Ţ'..='ŧ' | 'Ț' | 'ț' => "t",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' => "u",
        'Ŵ' | 'ŵ' => "w",
        'Ý' | 'ý' | 'ÿ' | 'Ŷ'..='Ÿ' => "y",
        'Ź'..='ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_its_words() {
        for (text, expected) in [
            ("Olá, não é AÇÃO!", "ola nao e acao"),
            ("cafe\u{301} au lait", "cafe au lait"),
            ("see https://example.com/a?b=1", "see https example com a b 1"),
            ("it's 3.14 e-mail", "it s 3 14 e mail"),
            ("你好 world", "你 好 world"),
            ("Straße ŁÓDŹ", "strasse lodz"),
            ("👍 \0'\"*:&|()", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_query_is_built_from_words() {
        let sqlite = |text| Search::read(text).map(|search| search.query(Engine::Sqlite));
        let postgres = |text| Search::read(text).map(|search| search.query(Engine::Postgres));
        assert_eq!(sqlite("Hello wor*").unwrap(), r#""hello" AND "wor" *"#);
        assert_eq!(postgres("Hello wor*").unwrap(), "('hello') & ('wor':*)");
        assert_eq!(sqlite(r#"a "to be" NOT:x"#).unwrap(), r#""a" AND "to be" AND "not x""#);
        assert_eq!(postgres(r#""to be"#).unwrap(), "('to' <-> 'be')");
        for nothing in ["", "\"\"", "* & !", "' OR 1=1".split_at(1).0] {
            assert_eq!(Search::read(nothing), None, "{nothing}");
        }
        assert_eq!(Search::read(&"x ".repeat(100)).unwrap().terms.len(), TERMS_MAX);
    }
}
