//! Every event type, with an example: what `docs/events.md` is made of.

pub enum Way {}
pub struct Entry {}
pub const CATALOGUE: &[Entry] = &[];
pub fn document() {}
