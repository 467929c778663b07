use std::io;

/// Why a file cannot be converted. Each can be shown to whoever sent the file; none holds any of its content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file is not a JPEG, PNG, GIF or WebP image")]
    NotAnImage,

    #[error("the file is not an MP4, MOV or 3GP video")]
    NotAVideo,

    #[error("the file is not WAV, MP3, M4A, AAC, FLAC, Ogg Vorbis or Ogg Opus audio")]
    NotAudio,

    #[error("the file's audio is coded in a way that is not supported")]
    UnsupportedAudio,

    #[error("the file has no sound in it")]
    NoSound,

    #[error("the file is damaged or incomplete")]
    Damaged,

    #[error("the image has {pixels} pixels, and the limit is {limit}")]
    TooManyPixels { pixels: u64, limit: u64 },

    #[error("the file has more than {limit} bytes")]
    TooManyBytes { limit: u64 },

    #[error("the audio is longer than {limit} seconds")]
    TooLong { limit: u64 },

    #[error("the image cannot be made into a sticker of at most {limit} bytes")]
    StickerTooLarge { limit: usize },

    #[error("the sticker's pack metadata has more than {limit} bytes")]
    PackTooLarge { limit: usize },

    /// The source or the sink failed; the file itself may be good.
    #[error("reading or writing failed: {0}")]
    Io(io::Error),
}

/// A source that ends too early is a damaged file. All else is trouble with the source.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

impl From<image::ImageError> for Error {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::IoError(error) => error.into(),
            _ => Self::Damaged,
        }
    }
}
