//! What WhatsApp showed since its last key frame. Nobody can ask it for another one, so whoever comes late, or has lost a
//! picture, is shown all of that again, quickly.

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{AGAIN, Picture, Projector};

/// Half a minute of pictures, and their bytes. Of more than that nothing is kept, and the next key frame is waited for.
const PICTURES_MAX: usize = 450;
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Between two pictures that are shown again: half a minute takes two seconds, and no network is flooded.
const STEP: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Reel {
    pictures: Vec<Picture>,
    bytes: usize,
}

impl Reel {
    pub fn add(&mut self, picture: &Picture) {
        if picture.is_key() {
            self.pictures.clear();
            self.bytes = 0;
        } else if self.pictures.is_empty() {
            return;
        }
        self.bytes += picture.0.len();
        self.pictures.push(picture.clone());
        if self.pictures.len() > PICTURES_MAX || self.bytes > BYTES_MAX {
            self.pictures.clear();
        }
    }
}

/// Who looks at WhatsApp's picture: either at what comes, or still at what came before.
pub(super) struct Viewer {
    pub projector: Projector,
    behind: VecDeque<Picture>,
    next: Instant,
    /// When it was last shown all again.
    rewound: Option<Instant>,
}

impl Viewer {
    pub fn new(projector: Projector) -> Self {
        Self { projector, behind: VecDeque::new(), next: Instant::now(), rewound: None }
    }

    /// From the last key frame on, unless it is looking at that already, or has just done so.
    pub fn rewind(&mut self, reel: &Reel) {
        let now = Instant::now();
        if self.behind.is_empty() && self.rewound.is_none_or(|rewound| now - rewound >= AGAIN) {
            self.behind.extend(reel.pictures.iter().cloned());
            (self.next, self.rewound) = (now, Some(now));
        }
    }

    pub fn show(&mut self, picture: Picture) {
        if self.behind.is_empty() {
            self.projector.show(picture);
            return;
        }
        if picture.is_key() || self.behind.len() >= 2 * PICTURES_MAX {
            // Nothing before it matters any more; of what is too much nothing is shown but a key frame to come.
            self.behind.clear();
        }
        self.behind.push_back(picture);
    }

    /// Resolves when the next of what came before is due; never, if all of it was shown.
    pub async fn due(&self) {
        if self.behind.is_empty() {
            std::future::pending().await
        }
        sleep_until(self.next).await;
    }

    pub fn step(&mut self) {
        if let Some(picture) = self.behind.pop_front() {
            self.projector.show(picture);
        }
        self.next = Instant::now() + STEP;
    }
}
