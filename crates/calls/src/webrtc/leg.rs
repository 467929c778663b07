//! One browser in a call, as its owner sees it.

use std::time::Duration;

use bytes::Bytes;
use str0m::{Candidate, CandidateKind};
use tokio::sync::{mpsc, watch};

use super::candidate::{self, CandidateError};
use crate::{
    Heard, Trunk,
    picture::{self, Pictures},
};

/// Packets that wait for the line, more than a second of sound. One more is dropped.
pub(super) const HEARD: usize = 64;
/// Packets that wait for the browser, half a second of sound. One more is the line's to drop.
pub(super) const SAID: usize = 8;
/// Candidates that wait to be used.
const CANDIDATES: usize = 16;

/// A browser's leg. It ends when its trunk is dropped, either half of it, or when [`LegControl::close`] says so, or when
/// the browser leaves or is not to be reached for half a minute.
pub struct Leg {
    /// Unique in the process.
    pub id: u64,
    /// The session description that answers the offer, with all candidates in it.
    pub answer: String,
    /// Counts its time in 48,000ths of a second.
    pub trunk: Trunk,
    /// If one was asked for, and the browser has H.264. The leg does not end with it.
    pub picture: Option<Pictures>,
    pub state: watch::Receiver<LegState>,
    pub control: LegControl,
}

/// How far a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegState {
    /// Nothing was heard of the browser.
    New,
    /// A way to the browser is being looked for, for the first time or again.
    Connecting,
    /// Sound may go both ways.
    Connected,
    /// For good.
    Closed,
}

/// What has gone through a leg so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LegStats {
    /// Opus packets from the browser, and the bytes in them.
    pub packets_received: u64,
    pub bytes_received: u64,
    /// Packets of the browser that did not arrive. Those that come late are taken off again.
    pub packets_lost: u64,
    /// Opus packets to the browser, and the bytes in them.
    pub packets_sent: u64,
    pub bytes_sent: u64,
    /// To the browser and back, as last measured.
    pub round_trip: Option<Duration>,
    /// What kind of address the browser is reached at.
    pub remote: Option<AddressKind>,
}

/// How a browser came by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// Its own.
    Host,
    /// Its router's.
    Reflexive,
    /// A TURN server's.
    Relayed,
}

impl From<CandidateKind> for AddressKind {
    fn from(kind: CandidateKind) -> Self {
        match kind {
            CandidateKind::Host => Self::Host,
            CandidateKind::PeerReflexive | CandidateKind::ServerReflexive => Self::Reflexive,
            CandidateKind::Relayed => Self::Relayed,
        }
    }
}

/// What may be done with a leg while its trunk is elsewhere. Dropping it does nothing to the leg.
#[derive(Clone)]
pub struct LegControl {
    orders: mpsc::Sender<Order>,
    stats: watch::Receiver<LegStats>,
}

pub(super) enum Order {
    Candidate(Candidate),
    Close,
}

/// The leg's side of what its owner holds.
pub(super) struct Ends {
    pub heard: mpsc::Sender<Heard>,
    pub said: mpsc::Receiver<Bytes>,
    pub picture: Option<Pictures>,
    pub orders: mpsc::Receiver<Order>,
    pub state: watch::Sender<LegState>,
    pub stats: watch::Sender<LegStats>,
}

impl LegControl {
    /// Whether both are of one leg.
    pub fn is(&self, other: &Self) -> bool {
        self.orders.same_channel(&other.orders)
    }

    /// Adds an address at which the browser may be reached, as `candidate:…` or `a=candidate:…`. Nothing (there are no
    /// more), TCP and `.local` names are accepted and passed over.
    pub fn add_candidate(&self, candidate: &str) -> Result<(), CandidateError> {
        let candidate = candidate::read(candidate)?;
        let Some(candidate) = candidate else {
            return if self.orders.is_closed() { Err(CandidateError::Ended) } else { Ok(()) };
        };
        self.orders.try_send(Order::Candidate(candidate)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CandidateError::Many,
            mpsc::error::TrySendError::Closed(_) => CandidateError::Ended,
        })
    }

    /// Ends the leg and tells the browser; [`Leg::state`] says when that is done.
    pub async fn close(&self) {
        // One that has ended needs no order.
        let _ = self.orders.send(Order::Close).await;
    }

    pub fn stats(&self) -> LegStats {
        *self.stats.borrow()
    }
}

pub(super) fn new(id: u64, answer: String, clock: u32, has_picture: bool) -> (Leg, Ends) {
    let (heard_in, heard) = mpsc::channel(HEARD);
    let (said, said_out) = mpsc::channel(SAID);
    let (orders, orders_out) = mpsc::channel(CANDIDATES);
    let state = watch::Sender::new(LegState::New);
    let stats = watch::Sender::new(LegStats::default());
    let (picture, browsers) = has_picture.then(picture::pictures).unzip();
    let leg = Leg {
        id,
        answer,
        trunk: Trunk { clock, heard, said },
        picture,
        state: state.subscribe(),
        control: LegControl { orders, stats: stats.subscribe() },
    };
    (leg, Ends { heard: heard_in, said: said_out, picture: browsers, orders: orders_out, state, stats })
}
