//! JSON that arrives in pieces. A text that grows too long to be held is put aside, and a mark left in its place.

use std::pin::pin;

use axum::body::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use super::{Blob, Bounds, Intake, Text, keep};
use crate::{app::App, body::DROPPED_MAX, error::ApiError, reply::Result};

/// Bytes of a text from which on it is put aside. No text that a message may have is as long, however it is escaped.
pub(super) const ASIDE: usize = 1 << 20;
/// Bytes that are gathered before they are written.
const PIECE: usize = 32 << 10;
/// What stands for a character that base64 does not have.
const NOT_BASE64: u8 = b'?';

pub(super) async fn read(
    chunks: impl Stream<Item = Result<Bytes>>,
    app: &App,
    bounds: &Bounds,
    hash: &mut Sha256,
) -> Result<Intake> {
    let mut chunks = pin!(chunks);
    let mut scanner = Scanner::new(app, bounds);
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        length += chunk.len() as u64;
        if length > bounds.body.saturating_add(DROPPED_MAX as u64) {
            return Err(scanner.too_large());
        }
        // What is beyond is read and dropped, so that a caller who is still writing gets to read the 413.
        if length <= bounds.body {
            hash.update(&chunk);
            scanner.feed(&chunk)?;
        }
    }
    if length > bounds.body {
        return Err(scanner.too_large());
    }
    scanner.finish()
}

struct Scanner<'a> {
    app: &'a App,
    bounds: &'a Bounds,
    /// What is held, with marks.
    json: Vec<u8>,
    mark: String,
    blobs: Vec<Blob>,
    place: Place,
}

enum Place {
    Outside,
    /// In a text that is held, since this place in the JSON.
    Held {
        since: usize,
        escaped: bool,
    },
    /// In a text that is put aside.
    Aside {
        escape: Escape,
        piece: Vec<u8>,
    },
}

#[derive(Clone, Copy)]
enum Escape {
    None,
    Begun,
    /// `\u` and this many digits.
    Code {
        digits: u8,
        value: u32,
    },
}

impl<'a> Scanner<'a> {
    fn new(app: &'a App, bounds: &'a Bounds) -> Self {
        let mark = format!("\u{1}{:032x}-", rand::random::<u128>());
        Self { app, bounds, json: Vec::new(), mark, blobs: Vec::new(), place: Place::Outside }
    }

    fn too_large(&self) -> ApiError {
        // A body of which nothing was looked at, since it came at once, is so large for its file.
        let of_file = self.json.is_empty() || !self.blobs.is_empty();
        if of_file { self.bounds.too_large() } else { ApiError::body_too_large(self.bounds.memory) }
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<()> {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            rest = match &mut self.place {
                Place::Outside => {
                    self.json.push(byte);
                    if byte == b'"' {
                        self.place = Place::Held { since: self.json.len(), escaped: false };
                    }
                    &rest[1..]
                }
                Place::Held { since, escaped } => {
                    let since = *since;
                    if *escaped {
                        *escaped = false;
                        self.json.push(byte);
                        rest = &rest[1..];
                    } else {
                        // A piece at a time: a chunk may be as large as the body.
                        let most = rest.len().min(PIECE);
                        let plain = rest[..most].iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(most);
                        self.json.extend_from_slice(&rest[..plain]);
                        rest = &rest[plain..];
                        match rest.first() {
                            Some(b'\\') => {
                                *escaped = true;
                                self.json.push(b'\\');
                                rest = &rest[1..];
                            }
                            Some(b'"') => {
                                self.json.push(b'"');
                                self.place = Place::Outside;
                                rest = &rest[1..];
                            }
                            _ => {}
                        }
                    }
                    if matches!(self.place, Place::Held { .. }) && self.json.len() - since > ASIDE {
                        self.put_aside(since)?;
                    }
                    rest
                }
                Place::Aside { .. } => self.aside(rest)?,
            };
            if self.json.len() > self.bounds.memory {
                return Err(ApiError::body_too_large(self.bounds.memory));
            }
        }
        Ok(())
    }

    fn put_aside(&mut self, since: usize) -> Result<()> {
        if self.blobs.len() >= self.bounds.files.count {
            return Err(ApiError::body_too_large(self.bounds.memory));
        }
        let begun = self.json.split_off(since);
        self.json
            .extend_from_slice(format!("{}{}", self.mark, self.blobs.len()).replace('\u{1}', "\\u0001").as_bytes());
        self.blobs.push(Blob { content: self.app.files.file(), length: 0, encoded: true, name: None, mimetype: None });
        self.place = Place::Aside { escape: Escape::None, piece: Vec::with_capacity(PIECE) };
        self.aside(&begun)?;
        Ok(())
    }

    /// Takes what belongs to the text, without its escapes, and returns the rest.
    fn aside<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let Place::Aside { escape, piece } = &mut self.place else { return Ok(bytes) };
        let Some(blob) = self.blobs.last_mut() else { return Ok(bytes) };
        // A little more than base64 takes, for its head.
        let limit = self.bounds.file / 2 * 3 + 1_024;
        for (at, &byte) in bytes.iter().enumerate() {
            match *escape {
                Escape::None => match byte {
                    b'"' => {
                        keep(blob, piece, limit)?;
                        self.json.push(b'"');
                        self.place = Place::Outside;
                        return Ok(&bytes[at + 1..]);
                    }
                    b'\\' => *escape = Escape::Begun,
                    byte => piece.push(byte),
                },
                Escape::Begun => {
                    *escape = Escape::None;
                    match byte {
                        b'/' => piece.push(b'/'),
                        // A line's end.
                        b'n' | b'r' | b't' => {}
                        b'u' => *escape = Escape::Code { digits: 0, value: 0 },
                        _ => piece.push(NOT_BASE64),
                    }
                }
                Escape::Code { digits, value } => {
                    let value = char::from(byte).to_digit(16).map(|digit| value * 16 + digit);
                    *escape = match (digits, value) {
                        (3, Some(code)) => {
                            piece.push(u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(NOT_BASE64));
                            Escape::None
                        }
                        (digits, Some(value)) => Escape::Code { digits: digits + 1, value },
                        (_, None) => return Err(ApiError::not_json()),
                    };
                }
            }
            if piece.len() >= PIECE {
                keep(blob, piece, limit)?;
                piece.clear();
            }
        }
        Ok(&[])
    }

    fn finish(self) -> Result<Intake> {
        if matches!(self.place, Place::Aside { .. }) {
            return Err(ApiError::not_json());
        }
        let mut text = Text::json(self.json)?;
        if let (Text::Json { mark, .. }, false) = (&mut text, self.blobs.is_empty()) {
            *mark = Some(self.mark);
        }
        Ok(Intake { text, blobs: self.blobs })
    }
}
