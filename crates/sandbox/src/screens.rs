//! Codes that gateways show on a screen right now, for a person at a virtual phone to scan with one click.

use std::collections::VecDeque;

use wago_contract::phone::Screen;

/// Older ones are forgotten first.
const SCREENS_MAX: usize = 2_000;

#[derive(Default)]
pub(crate) struct Screens {
    shown: VecDeque<Screen>,
    next: u64,
}

impl Screens {
    /// A newer code of the same name replaces an older one.
    pub fn show(&mut self, name: String, qr: String) -> Screen {
        self.shown.retain(|screen| screen.name != name);
        if self.shown.len() >= SCREENS_MAX {
            self.shown.pop_front();
        }
        self.next += 1;
        let id = self.next.to_string();
        let screen = Screen { picture: format!("/screens/{id}.svg"), id, name, qr };
        self.shown.push_back(screen.clone());
        screen
    }

    /// Those whose code still means something.
    pub fn all(&mut self, waits: impl Fn(&str) -> bool) -> Vec<Screen> {
        self.shown.retain(|screen| waits(&screen.qr));
        self.shown.iter().cloned().collect()
    }

    pub fn get(&self, id: &str) -> Option<&Screen> {
        self.shown.iter().find(|screen| screen.id == id)
    }
}
