//! One device's open connection, whatever carries it: a socket, or a phone in this process.

use tokio::sync::mpsc;
use wacore_binary::Node;

/// A device that takes this many stanzas late is cut; what it missed waits in its queue.
const STANZAS_MAX: usize = 512;
/// Of those, kept for answers and what is not queued.
const ANSWERS_MAX: usize = 128;

/// What a device is told, in order. Dropping it closes the connection.
pub struct Link {
    pub(crate) number: u64,
    pub(crate) stanzas: mpsc::Receiver<Node>,
}

/// The network's end of a [`Link`].
pub(crate) struct Outlet {
    /// Tells connections of one device apart.
    pub number: u64,
    pub stanzas: mpsc::Sender<Node>,
    /// It left passive mode, so its queue is being delivered.
    pub active: bool,
    /// How much of its queue from before the connection is still to be handed over, and how much there was.
    pub backlog: usize,
    pub backlog_total: usize,
    /// It said that a person is looking.
    pub available: bool,
}

impl Outlet {
    /// What waits in a queue may be handed to it; otherwise it goes on waiting there.
    pub fn has_room(&self) -> bool {
        self.active && self.stanzas.capacity() > ANSWERS_MAX
    }
}

pub(crate) fn open(number: u64) -> (Outlet, Link) {
    let (sender, receiver) = mpsc::channel(STANZAS_MAX);
    (
        Outlet { number, stanzas: sender, active: false, backlog: 0, backlog_total: 0, available: false },
        Link { number, stanzas: receiver },
    )
}
