//! `/send/list`.

use super::{
    BODY_MAX, Content, Envelope, Part,
    interactive::{FOOTER, TITLE_MAX},
    words,
};
use crate::payload::{Fields, Invalid, Name, Result};

const BUTTON_MAX: usize = 20;
const ROW_TITLE_MAX: usize = 72;
const ROW_TEXT_MAX: usize = 256;
const ROW_ID_MAX: usize = 256;
/// In all sections together.
const ROWS_MAX: usize = 100;
const SECTIONS: std::ops::RangeInclusive<usize> = 1..=10;

const BODY: Name = Name { field: "Body", aliases: &["Desc", "Description", "Text", "Message"] };
const TITLE: Name = Name { field: "Title", aliases: &["TopText", "Header"] };
const ROW_TEXT: Name = Name { field: "Desc", aliases: &["Description"] };
const ROW_ID: Name = Name { field: "RowId", aliases: &["Id"] };

/// `POST /send/list`
pub struct List {
    pub title: Option<String>,
    pub body: String,
    pub footer: Option<String>,
    /// What opens the list.
    pub button: String,
    pub sections: Vec<Section>,
}

pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
}

pub struct Row {
    /// What the answer carries.
    pub id: String,
    pub title: String,
    pub text: Option<String>,
}

impl Part for List {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let sections = match (fields.optional("Sections"), fields.optional("List")) {
            (Some(given), _) => given
                .objects(SECTIONS)?
                .iter_mut()
                .map(|section| {
                    let rows = section.required("Rows")?.objects(1..=ROWS_MAX)?;
                    Ok(Section { title: section.text("Title", TITLE_MAX)?.unwrap_or_default(), rows: read_rows(rows)? })
                })
                .collect::<Result<Vec<_>>>()?,
            (None, Some(flat)) => {
                vec![Section { title: String::new(), rows: read_rows(flat.objects(1..=ROWS_MAX)?)? }]
            }
            (None, None) => return Err(fields.missing("Sections")),
        };
        let rows: Vec<_> = sections.iter().flat_map(|section| &section.rows).collect();
        if rows.len() > ROWS_MAX {
            return Err(Invalid::field("Sections", format!("of at most {ROWS_MAX} rows together")));
        }
        if rows.iter().enumerate().any(|(at, row)| rows[..at].iter().any(|other| other.id == row.id)) {
            return Err(Invalid::field("Sections", "without two rows of one RowId"));
        }
        Ok(Self {
            title: fields.text(TITLE, TITLE_MAX)?,
            body: words(fields, BODY, BODY_MAX)?,
            footer: fields.text(FOOTER, TITLE_MAX)?,
            button: fields.text("ButtonText", BUTTON_MAX)?.unwrap_or_else(|| "Select".to_owned()),
            sections,
        })
    }

    fn content(self) -> Content {
        Content::List(self)
    }
}

fn read_rows(rows: Vec<Fields>) -> Result<Vec<Row>> {
    let row = |mut row: Fields| {
        let title = words(&mut row, "Title", ROW_TITLE_MAX)?;
        Ok(Row {
            id: row.text(ROW_ID, ROW_ID_MAX)?.unwrap_or_else(|| title.clone()),
            title,
            text: row.text(ROW_TEXT, ROW_TEXT_MAX)?,
        })
    };
    rows.into_iter().map(row).collect()
}
