//! What is known of a session's calls: those that go on, and those of lately.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::sync::watch;
use wago_contract::call::{Call, CallState, Direction, Participant};

use super::reason;

/// Calls of one session that go on at a time. One more is not made; one more that rings is not told of.
pub(crate) const LIVE_MAX: usize = 32;
/// Calls that are over, of which the latest are remembered.
const PAST_MAX: usize = 100;
/// Steps that were heard of before their call, of which the latest are remembered: somebody may decline while the call is
/// still being made here.
const EARLY_MAX: usize = 16;

/// A call of a session.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub id: String,
    /// The other end's JID, and its other one if that is known.
    pub peer: String,
    pub peer_alt: String,
    /// The chat that its events belong to.
    pub chat: String,
    pub direction: Direction,
    pub video: bool,
    pub state: CallState,
    pub started: DateTime<Utc>,
    pub answered: Option<DateTime<Utc>>,
    pub ended: Option<DateTime<Utc>>,
    pub reason: &'static str,
    pub muted: bool,
    /// It is a call of many: it was made as one, or became one.
    pub many: bool,
    /// The group that is called, if one is.
    pub group: String,
    /// Of a call of many: the others, as of the latest change.
    pub participants: Vec<Participant>,
    pub change: u32,
    /// Somebody else was in it.
    pub met: bool,
}

/// How far somebody has come in a call of many. WhatsApp may have other words for those who are not in it: what is known by
/// no word is neither waited for nor gone.
const CONNECTED: &str = "connected";
const INVITED: &str = "invited";
const RINGING: &str = "ringing";
const REJECTED: &str = "rejected";
const LEFT: &str = "left";

/// What happened to a call, with the reason why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Accepted,
    Active,
    Rejected(&'static str),
    Ended(&'static str),
    /// Ended, for the second reason if it had been answered.
    Left(&'static str, &'static str),
}

/// What a session has no place for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

pub(crate) struct Book {
    pages: Mutex<Pages>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Pages {
    /// The newest last.
    calls: VecDeque<Entry>,
    early: VecDeque<(String, Step)>,
}

impl Default for Book {
    fn default() -> Self {
        Self { pages: Mutex::default(), changed: watch::channel(()).0 }
    }
}

impl Entry {
    /// The call at this moment, without what only its line knows.
    pub fn told(&self, now: DateTime<Utc>) -> Call {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        Call {
            call_id: self.id.clone(),
            peer: self.peer.clone(),
            peer_alt: self.peer_alt.clone(),
            direction: self.direction,
            state: self.state,
            started_at: time(self.started),
            answered_at: self.answered.map(time),
            ended_at: self.ended.map(time),
            reason: self.reason,
            duration_ms: self.duration_ms(now),
            media: if self.video { "video" } else { "audio" },
            muted: self.muted,
            group: self.group.clone(),
            participants: self.participants.clone(),
            stats: None,
        }
    }

    /// A call that rings from now on, for each field that says more of it.
    pub fn ringing(id: String, direction: Direction, started: DateTime<Utc>) -> Self {
        Self {
            id,
            peer: String::new(),
            peer_alt: String::new(),
            chat: String::new(),
            direction,
            video: false,
            state: CallState::Ringing,
            started,
            answered: None,
            ended: None,
            reason: "",
            muted: false,
            many: false,
            group: String::new(),
            participants: Vec::new(),
            change: 0,
            met: false,
        }
    }

    /// What follows from who is in a call of many.
    fn follows(&self) -> Option<Step> {
        let all = |words: &[&str]| self.participants.iter().all(|one| words.contains(&one.state.as_str()));
        let rings_there = self.state == CallState::Ringing && self.direction == Direction::Outgoing;
        let goes_on = matches!(self.state, CallState::Accepted | CallState::Active);
        if rings_there && !self.participants.is_empty() && all(&[REJECTED, LEFT]) {
            return Some(Step::Rejected(reason::REJECTED));
        }
        let alone =
            self.met && !self.participants.iter().any(|one| [CONNECTED, INVITED, RINGING].contains(&&*one.state));
        (goes_on && alone).then_some(Step::Ended(reason::REMOTE_HANGUP))
    }

    pub fn duration_ms(&self, now: DateTime<Utc>) -> u64 {
        let since = self.answered.map_or(0, |answered| (self.ended.unwrap_or(now) - answered).num_milliseconds());
        u64::try_from(since).unwrap_or(0)
    }

    /// Whether it was a step forward.
    fn step(&mut self, step: Step, now: DateTime<Utc>) -> bool {
        use CallState::{Accepted, Active, Ended, Rejected, Ringing};
        let (state, reason) = match (self.state, step) {
            (Ringing, Step::Accepted) => (Accepted, ""),
            (Accepted, Step::Active) => (Active, ""),
            (Ringing, Step::Rejected(reason)) => (Rejected, reason),
            (Ringing, Step::Left(unanswered, _)) => (Ended, unanswered),
            (Accepted | Active, Step::Left(_, answered)) => (Ended, answered),
            (Ringing | Accepted | Active, Step::Ended(reason)) => (Ended, reason),
            _ => return false,
        };
        if state == Accepted {
            self.answered = Some(now);
        }
        if state.is_over() {
            self.ended = Some(now);
        }
        (self.state, self.reason) = (state, reason);
        true
    }
}

impl Book {
    /// A call that rings from now on. Those that it came to since, in order, with what was heard of it before.
    pub fn add(&self, entry: Entry) -> Result<Vec<Entry>, Full> {
        let mut pages = self.pages();
        if pages.calls.iter().any(|call| call.id == entry.id) {
            return Ok(Vec::new());
        }
        if pages.calls.iter().filter(|call| !call.state.is_over()).count() >= LIVE_MAX {
            return Err(Full);
        }
        let mut told = vec![entry.clone()];
        let mut entry = entry;
        let now = Utc::now();
        pages.early.retain(|(id, step)| {
            if *id != entry.id {
                return true;
            }
            // One of many who declines ends nothing.
            let one_of_many = entry.many && matches!(step, Step::Rejected(_));
            if !one_of_many && entry.step(*step, now) {
                told.push(entry.clone());
            }
            false
        });
        pages.calls.push_back(entry);
        while pages.calls.iter().filter(|call| call.state.is_over()).count() > PAST_MAX {
            let oldest = pages.calls.iter().position(|call| call.state.is_over());
            oldest.and_then(|at| pages.calls.remove(at));
        }
        drop(pages);
        self.changed.send_replace(());
        Ok(told)
    }

    /// The call afterwards, if the step led it anywhere. That of an unknown call is kept for the call to come.
    pub fn step(&self, id: &str, step: Step) -> Option<Entry> {
        let mut pages = self.pages();
        let Some(call) = pages.calls.iter_mut().find(|call| call.id == id) else {
            if pages.early.len() == EARLY_MAX {
                pages.early.pop_front();
            }
            pages.early.push_back((id.to_owned(), step));
            return None;
        };
        let stepped = call.step(step, Utc::now()).then(|| call.clone());
        drop(pages);
        if stepped.is_some() {
            self.changed.send_replace(());
        }
        stepped
    }

    /// Who is in a call of many now: it is one from then on. The call afterwards, if that led it anywhere. What is older than
    /// what is known changes nothing.
    pub fn people(&self, id: &str, change: u32, participants: Vec<Participant>) -> Option<Entry> {
        let mut pages = self.pages();
        let call = pages.calls.iter_mut().find(|call| call.id == id && call.change < change)?;
        (call.many, call.change) = (true, change);
        call.met |= participants.iter().any(|one| one.state == CONNECTED);
        call.participants = participants;
        let step = call.follows();
        let stepped = step.filter(|step| call.step(*step, Utc::now())).map(|_| call.clone());
        drop(pages);
        if stepped.is_some() {
            self.changed.send_replace(());
        }
        stepped
    }

    pub fn mute(&self, id: &str, muted: bool) {
        if let Some(call) = self.pages().calls.iter_mut().find(|call| call.id == id) {
            call.muted = muted;
        }
    }

    pub fn find(&self, id: &str) -> Option<Entry> {
        self.pages().calls.iter().find(|call| call.id == id).cloned()
    }

    /// The newest first.
    pub fn all(&self) -> Vec<Entry> {
        self.pages().calls.iter().rev().cloned().collect()
    }

    /// Returns as soon as the call is such, or was forgotten.
    pub async fn wait(&self, id: &str, mut such: impl FnMut(&Entry) -> bool) -> Option<Entry> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match self.find(id) {
                Some(call) if !such(&call) => {}
                found => return found,
            }
            // The sender is the book's own.
            let _ = changed.changed().await;
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) fn ringing(id: &str, direction: Direction) -> Entry {
    Entry {
        peer: "5511999999999@s.whatsapp.net".to_owned(),
        peer_alt: "100000012345678@lid".to_owned(),
        chat: "5511999999999@s.whatsapp.net".to_owned(),
        ..Entry::ringing(id.to_owned(), direction, Utc::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        let book = Book::default();
        book.add(ringing("C1", Direction::Incoming)).unwrap();
        book
    }

    fn walk(book: &Book, steps: &[Step]) -> Vec<CallState> {
        steps.iter().filter_map(|step| Some(book.step("C1", *step)?.state)).collect()
    }

    #[test]
    fn a_call_is_answered_heard_and_over() {
        let book = book();
        let states = walk(&book, &[Step::Accepted, Step::Active, Step::Left("missed", "hangup")]);
        assert_eq!(states, [CallState::Accepted, CallState::Active, CallState::Ended]);
        let call = book.find("C1").unwrap();
        assert_eq!(call.reason, "hangup");
        assert!(call.answered.is_some() && call.ended >= call.answered);
    }

    #[test]
    fn nothing_happens_to_a_call_that_is_over() {
        for last in [Step::Rejected("rejected"), Step::Ended("timeout")] {
            let book = book();
            assert_eq!(walk(&book, &[last]).len(), 1);
            let after = [Step::Accepted, Step::Active, Step::Rejected("busy"), Step::Ended("hangup")];
            assert_eq!(walk(&book, &after), []);
        }
    }

    #[test]
    fn a_call_cannot_be_heard_before_it_is_answered_nor_declined_after() {
        let book = book();
        assert_eq!(walk(&book, &[Step::Active]), []);
        assert_eq!(walk(&book, &[Step::Accepted, Step::Accepted, Step::Rejected("rejected")]), [CallState::Accepted]);
    }

    #[test]
    fn one_that_was_not_answered_has_no_duration() {
        let book = book();
        let ended = book.step("C1", Step::Left("missed", "hangup")).unwrap();
        assert_eq!((ended.reason, ended.duration_ms(Utc::now())), ("missed", 0));
    }

    #[test]
    fn what_is_heard_of_a_call_before_it_is_known_counts() {
        let book = Book::default();
        assert!(book.step("C1", Step::Rejected("busy")).is_none());
        let told = book.add(ringing("C1", Direction::Outgoing)).unwrap();
        assert_eq!(told.iter().map(|call| call.state).collect::<Vec<_>>(), [CallState::Ringing, CallState::Rejected]);
        assert!(book.pages().early.is_empty());
    }

    fn people(states: &[&str]) -> Vec<Participant> {
        let one = |(at, state): (usize, &&str)| Participant {
            jid: format!("{at}@lid"),
            alt: String::new(),
            state: (*state).to_owned(),
        };
        states.iter().enumerate().map(one).collect()
    }

    #[test]
    fn a_call_of_many_is_declined_by_all_of_them() {
        let book = Book::default();
        book.step("C1", Step::Rejected("rejected"));
        let many = Entry { many: true, ..ringing("C1", Direction::Outgoing) };
        assert_eq!(book.add(many).unwrap().len(), 1, "one who declines ends nothing");
        assert!(book.people("C1", 2, people(&["rejected", "ringing"])).is_none());
        // What is older, and what is known by no word.
        assert!(book.people("C1", 1, people(&["rejected", "left"])).is_none());
        assert!(book.people("C1", 3, people(&["rejected", "dreaming"])).is_none());
        let over = book.people("C1", 4, people(&["rejected", "left"])).unwrap();
        assert_eq!((over.state, over.reason), (CallState::Rejected, "rejected"));
    }

    #[test]
    fn a_call_of_many_is_over_when_nobody_else_is_left() {
        let book = book();
        assert!(book.people("C1", 1, people(&["connected", "invited"])).is_none());
        walk(&book, &[Step::Accepted, Step::Active]);
        assert!(book.people("C1", 2, people(&["left", "ringing"])).is_none(), "somebody may come");
        let over = book.people("C1", 3, people(&["left", "rejected"])).unwrap();
        assert_eq!((over.state, over.reason, over.many), (CallState::Ended, "remote_hangup", true));
    }

    #[test]
    fn a_call_rings_once() {
        let book = book();
        assert_eq!(book.add(ringing("C1", Direction::Incoming)).unwrap().len(), 0);
        assert_eq!(book.all().len(), 1);
    }

    #[test]
    fn so_many_calls_at_a_time_and_so_many_remembered() {
        let book = Book::default();
        for at in 0..LIVE_MAX {
            book.add(ringing(&format!("L{at}"), Direction::Incoming)).unwrap();
        }
        assert_eq!(book.add(ringing("more", Direction::Incoming)).unwrap_err(), Full);
        for at in 0..LIVE_MAX - 1 {
            book.step(&format!("L{at}"), Step::Ended("hangup")).unwrap();
        }
        for at in 0..2 * PAST_MAX {
            let id = format!("P{at}");
            book.add(ringing(&id, Direction::Incoming)).unwrap();
            book.step(&id, Step::Ended("hangup")).unwrap();
        }
        assert!(book.all().len() <= PAST_MAX + 2);
        assert!(book.find(&format!("L{}", LIVE_MAX - 1)).is_some(), "a call that goes on is never forgotten");
        assert!(book.find("L0").is_none());
    }

    #[tokio::test]
    async fn a_change_is_waited_for() {
        let book = std::sync::Arc::new(book());
        let waiting = tokio::spawn({
            let book = book.clone();
            async move { book.wait("C1", |call| call.state.is_over()).await }
        });
        book.step("C1", Step::Accepted);
        book.step("C1", Step::Ended("hangup"));
        assert_eq!(waiting.await.unwrap().unwrap().reason, "hangup");
    }
}
