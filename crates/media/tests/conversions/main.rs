//! Conversions of files that are made here, and what becomes of damaged ones.

mod hostile;
mod made;
mod picture;
mod sticker;
mod video;
mod voice;
