//! The picture of a video call: H.264 as it comes, neither decoded nor encoded.
//!
//! A picture is drawn on those before it, back to a key frame. Where one is missing, all that follow would be shown as
//! garbage: they are left out until the next key frame, and one is asked for.

mod reel;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use reel::{Reel, Viewer};

/// Pictures that wait to be shown, more than a second of them. One more breaks the row.
const WAITING_MAX: usize = 32;
/// Bytes of one picture. WhatsApp's largest have a fifth of that; a larger one breaks the row.
pub(crate) const BYTES_MAX: usize = 1024 * 1024;
/// For so long a key frame is waited for before it is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// One picture of H.264: an access unit in Annex B, with the start codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture(pub Bytes);

impl Picture {
    /// Whether it can be drawn without those before it.
    pub fn is_key(&self) -> bool {
        units(&self.0).any(|unit| unit[0] & 0x1F == 5)
    }
}

/// The parts of an access unit in Annex B, without the start codes; none of them is empty.
pub(crate) fn units(picture: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_code(picture);
    std::iter::from_fn(move || {
        loop {
            let from = rest?;
            let end = from.windows(3).position(|three| three == [0, 0, 1]);
            rest = end.map(|end| &from[end + 3..]);
            let unit = &from[..end.unwrap_or(from.len())];
            // A unit never ends in zeros: they belong to the start code that follows.
            let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if length > 0 {
                return Some(&unit[..length]);
            }
        }
    })
}

fn after_code(bytes: &[u8]) -> Option<&[u8]> {
    let code = bytes.windows(3).position(|three| three == [0, 0, 1])?;
    Some(&bytes[code + 3..])
}

/// One way that pictures go. They begin with a key frame, which is asked for at once.
pub fn projection() -> (Projector, Screen) {
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let wish = Wish::default();
    wish.key();
    (Projector { queue, wish: wish.clone(), broken: true, asked: Instant::now() }, Screen { waiting, wish })
}

/// Where pictures go in.
pub struct Projector {
    queue: mpsc::Sender<Picture>,
    wish: Wish,
    /// Nothing goes on but a key frame.
    broken: bool,
    asked: Instant,
}

impl Projector {
    /// Whether it went on. One that finds no room is lost, and those that are drawn on it are left out.
    pub fn show(&mut self, picture: Picture) -> bool {
        if self.broken && !picture.is_key() {
            if self.asked.elapsed() >= AGAIN {
                self.lost();
            }
            return false;
        }
        if picture.0.len() > BYTES_MAX || self.queue.try_send(picture).is_err() {
            self.lost();
            return false;
        }
        self.broken = false;
        true
    }

    /// A picture is missing here.
    pub fn lost(&mut self) {
        self.awaits_key();
        self.wish.key();
    }

    /// Who looks draws nothing more before a key frame, which is asked for again if it does not come.
    fn awaits_key(&mut self) {
        self.broken = true;
        self.asked = Instant::now();
    }

    /// Resolves when a key frame is wanted: by who looks, or because the row is broken.
    pub async fn wanted(&self) {
        self.wish.0.notified().await;
    }
}

/// Where they come out.
pub struct Screen {
    waiting: mpsc::Receiver<Picture>,
    wish: Wish,
}

impl Screen {
    /// `None`: there will be no more. It may be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) -> Option<Picture> {
        self.waiting.recv().await
    }

    /// Asks for a key frame.
    pub fn wish(&self) -> Wish {
        self.wish.clone()
    }
}

/// A wish for a key frame. Several at once are one.
#[derive(Clone, Default)]
pub struct Wish(Arc<Notify>);

impl Wish {
    pub fn key(&self) {
        self.0.notify_one();
    }
}

/// One end's picture, seen from the line.
pub struct Pictures {
    /// What the other end shows. Closed when it has ended.
    pub seen: Screen,
    /// What it is to see.
    pub shown: Projector,
}

/// A line's end of it, and the other end's.
pub fn pictures() -> (Pictures, Pictures) {
    let ((in_here, out_there), (in_there, out_here)) = (projection(), projection());
    (Pictures { seen: out_here, shown: in_here }, Pictures { seen: out_there, shown: in_there })
}

/// Where WhatsApp's picture and a browser's meet.
#[derive(Clone)]
pub(crate) struct Stage(Arc<Shared>);

#[derive(Default)]
struct Shared {
    seen: AtomicU64,
    shown: AtomicU64,
    echo: AtomicBool,
    /// A browser that has just come.
    comes: Mutex<Option<Pictures>>,
    changed: Notify,
}

impl Stage {
    /// Goes on until WhatsApp's end closes, or the line is over.
    pub fn open(call: Pictures, over: CancellationToken) -> Self {
        let shared = Arc::new(Shared::default());
        let stage = Self(shared.clone());
        tokio::spawn(async move { over.run_until_cancelled(shared.run(call)).await });
        stage
    }

    /// In place of one that was there.
    pub fn browser(&self, pictures: Pictures) {
        *self.0.comes.lock().unwrap_or_else(PoisonError::into_inner) = Some(pictures);
        self.0.changed.notify_one();
    }

    /// WhatsApp sees what it shows, and nothing else.
    pub fn echo(&self, on: bool) {
        if self.0.echo.swap(on, Ordering::Relaxed) != on {
            self.0.changed.notify_one();
        }
    }

    /// Pictures from WhatsApp, and to it.
    pub fn tally(&self) -> (u64, u64) {
        (self.0.seen.load(Ordering::Relaxed), self.0.shown.load(Ordering::Relaxed))
    }
}

impl Shared {
    async fn run(self: Arc<Self>, call: Pictures) {
        let Pictures { seen: mut from_call, shown: mut to_call } = call;
        let (mut from_browser, mut to_browser): (Option<Screen>, Option<Viewer>) = (None, None);
        let mut reel = Reel::default();
        loop {
            let echo = self.echo.load(Ordering::Relaxed);
            tokio::select! {
                picture = from_call.next() => {
                    let Some(picture) = picture else { return };
                    self.seen.fetch_add(1, Ordering::Relaxed);
                    reel.add(&picture);
                    if echo {
                        self.show(&mut to_call, picture.clone());
                    }
                    if let Some(browser) = &mut to_browser {
                        browser.show(picture);
                    }
                }
                picture = next(&mut from_browser) => match picture {
                    Some(picture) if !echo => self.show(&mut to_call, picture),
                    Some(_) => {}
                    None => (from_browser, to_browser) = (None, None),
                },
                () = to_call.wanted() => {
                    // WhatsApp's end takes nothing else, and a browser may pass over a question that follows another closely.
                    to_call.awaits_key();
                    let source = if echo { Some(&from_call) } else { from_browser.as_ref() };
                    source.inspect(|source| source.wish.key());
                }
                turn = turn(to_browser.as_ref()) => if let Some(browser) = &mut to_browser {
                    match turn {
                        Turn::Step => browser.step(),
                        Turn::Wanted => {
                            from_call.wish.key();
                            browser.rewind(&reel);
                        }
                    }
                },
                () = self.changed.notified() => {
                    let comes = self.comes.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(Pictures { seen, shown }) = comes {
                        (from_browser, to_browser) = (Some(seen), Some(Viewer::new(shown)));
                    }
                    // Whoever shows from now on is drawn on nothing that was shown before.
                    to_call.lost();
                }
            }
        }
    }

    fn show(&self, call: &mut Projector, picture: Picture) {
        if call.show(picture) {
            self.shown.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn next(screen: &mut Option<Screen>) -> Option<Picture> {
    match screen {
        Some(screen) => screen.next().await,
        None => std::future::pending().await,
    }
}

/// What is to be done for a browser that looks.
enum Turn {
    Step,
    Wanted,
}

async fn turn(viewer: Option<&Viewer>) -> Turn {
    let Some(viewer) = viewer else { return std::future::pending().await };
    tokio::select! {
        () = viewer.due() => Turn::Step,
        () = viewer.projector.wanted() => Turn::Wanted,
    }
}

#[cfg(test)]
mod tests;
