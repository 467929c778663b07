//! What turns the files that users give into what WhatsApp's own clients send: types by content, thumbnails, sizes and
//! durations, stickers, voice notes. And sound for calls: any file as samples, and tones.
//!
//! Everything here is a function from bytes to bytes, in this process and in Rust alone: no network, no external program,
//! no knowledge of WhatsApp's protocol. The functions compute, for up to minutes, and so belong on a blocking thread.
//! Each has bounds on memory and work, written beside them as constants; a file beyond one is refused with an [`Error`]
//! that can be shown to whoever sent it. No file makes them panic.

mod document;
mod error;
mod picture;
mod profile;
mod sniff;
mod sticker;
pub mod tone;
mod video;
mod voice;

pub use document::pdf_pages;
pub use error::Error;
pub use picture::{INLINE_SIDE, MAX_IMAGE_BYTES, MAX_PIXELS, NoThumbnail, PREVIEW_SIDE, Picture};
pub use profile::{PROFILE_SIDE, profile_picture};
pub use sniff::{Family, Kind, SNIFF_BYTES, sniff};
pub use sticker::{MAX_ANIMATED_BYTES, MAX_STATIC_BYTES, Pack, STICKER_SIDE, Sticker};
pub use video::Video;
pub use voice::{MAX_VOICE_SECONDS, Voice, WAVEFORM_POINTS, listen};
