//! Which datagram is whose. A leg is named in the checks that its browser sends, and these say from where; what else comes
//! from there is the leg's too.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use str0m::ice::StunMessage;
use tokio::sync::mpsc;

/// Legs at a time. One more is refused.
const LEGS: usize = 500;
/// Paths that one leg may hold. One more is not noted, and only checks arrive on it.
const PATHS: usize = 64;
/// Datagrams that wait for one leg, four seconds of sound or a large picture. One more is lost, as on any network.
const INBOX: usize = 256;

/// One of our addresses, and one of a browser's.
pub(super) type Path = (SocketAddr, SocketAddr);

/// What came from the network for a leg.
pub(super) struct Datagram {
    pub path: Path,
    pub at: Instant,
    pub data: Bytes,
}

#[derive(Default)]
pub(super) struct Routes(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// By the name that a leg has in checks.
    legs: HashMap<Arc<str>, Entry>,
    paths: HashMap<Path, Arc<str>>,
}

struct Entry {
    inbox: mpsc::Sender<Datagram>,
    paths: usize,
}

impl Routes {
    /// `None` when there are [`LEGS`] already.
    pub(super) fn join(&self, name: &Arc<str>) -> Option<mpsc::Receiver<Datagram>> {
        let mut tables = self.tables();
        if tables.legs.len() >= LEGS {
            return None;
        }
        let (inbox, receiver) = mpsc::channel(INBOX);
        tables.legs.insert(Arc::clone(name), Entry { inbox, paths: 0 });
        Some(receiver)
    }

    pub(super) fn leave(&self, name: &str) {
        let mut tables = self.tables();
        tables.legs.remove(name);
        tables.paths.retain(|_, holder| &**holder != name);
    }

    /// For a leg that knows by a check's signature that its browser is there: it takes the path from whoever held it.
    pub(super) fn take(&self, path: Path, name: &Arc<str>) {
        self.tables().hold(path, name);
    }

    /// For a leg that only looks whether its browser is there: the path stays with whoever holds it.
    pub(super) fn try_take(&self, path: Path, name: &Arc<str>) {
        let mut tables = self.tables();
        if !tables.paths.contains_key(&path) {
            tables.hold(path, name);
        }
    }

    /// Hands a datagram to its leg. What is nobody's is dropped, and so is what finds the leg's queue full.
    pub(super) fn deliver(&self, path: Path, at: Instant, data: &[u8]) {
        let inbox = match callee(data) {
            Some(name) => self.tables().legs.get(name.as_str()).map(|entry| entry.inbox.clone()),
            None => self.tables().holder(path),
        };
        if let Some(inbox) = inbox {
            let _ = inbox.try_send(Datagram { path, at, data: Bytes::copy_from_slice(data) });
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change is complete before the next can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn holder(&self, path: Path) -> Option<mpsc::Sender<Datagram>> {
        let name = self.paths.get(&path)?;
        self.legs.get(name).map(|entry| entry.inbox.clone())
    }

    fn hold(&mut self, path: Path, name: &Arc<str>) {
        if self.paths.get(&path) == Some(name) {
            return;
        }
        let Some(entry) = self.legs.get_mut(name).filter(|entry| entry.paths < PATHS) else { return };
        entry.paths += 1;
        if let Some(before) = self.paths.insert(path, Arc::clone(name))
            && let Some(entry) = self.legs.get_mut(&before)
        {
            entry.paths -= 1;
        }
    }
}

/// Whom a check is for; `None` of what is no check.
fn callee(data: &[u8]) -> Option<String> {
    if !data.starts_with(&[0, 1]) {
        return None;
    }
    let message = StunMessage::parse(data).ok()?;
    message.split_username().map(|(callee, _)| callee.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        ("127.0.0.1:1".parse().unwrap(), SocketAddr::from(([127, 0, 0, 1], port)))
    }

    fn came(receiver: &mut mpsc::Receiver<Datagram>) -> Option<Bytes> {
        receiver.try_recv().ok().map(|datagram| datagram.data)
    }

    #[test]
    fn a_path_stays_with_its_holder_until_another_proves_itself() {
        let routes = Routes::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let (mut of_a, mut of_b) = (routes.join(&a).unwrap(), routes.join(&b).unwrap());
        routes.try_take(path(5), &a);
        routes.try_take(path(5), &b);
        routes.deliver(path(5), Instant::now(), b"\x80first");
        routes.deliver(path(6), Instant::now(), b"\x80from elsewhere");
        assert_eq!(came(&mut of_a).as_deref(), Some(&b"\x80first"[..]));
        routes.take(path(5), &b);
        routes.deliver(path(5), Instant::now(), b"\x80second");
        assert_eq!(came(&mut of_b).as_deref(), Some(&b"\x80second"[..]));
        routes.leave(&b);
        routes.deliver(path(5), Instant::now(), b"\x80third");
        assert!(came(&mut of_a).is_none() && came(&mut of_b).is_none());
    }

    #[test]
    fn a_leg_holds_so_many_paths_and_gives_back_what_others_take() {
        let routes = Routes::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let (_of_a, mut of_b) = (routes.join(&a).unwrap(), routes.join(&b).unwrap());
        for port in 0..PATHS as u16 {
            routes.try_take(path(port), &a);
        }
        routes.try_take(path(999), &a);
        routes.try_take(path(999), &b);
        routes.deliver(path(999), Instant::now(), b"\x80");
        assert!(came(&mut of_b).is_some());
        routes.take(path(3), &b);
        routes.take(path(999), &a);
        routes.deliver(path(999), Instant::now(), b"\x80");
        assert!(came(&mut of_b).is_none());
    }

    #[test]
    fn more_legs_than_the_bound_are_refused() {
        let routes = Routes::default();
        let names: Vec<Arc<str>> = (0..=LEGS).map(|leg| leg.to_string().into()).collect();
        assert!(names[..LEGS].iter().all(|name| routes.join(name).is_some()));
        assert!(routes.join(&names[LEGS]).is_none());
        routes.leave(&names[0]);
        assert!(routes.join(&names[LEGS]).is_some());
    }

    #[test]
    fn a_full_inbox_loses_what_comes() {
        let routes = Routes::default();
        let a: Arc<str> = "a".into();
        let mut of_a = routes.join(&a).unwrap();
        routes.take(path(1), &a);
        for _ in 0..INBOX + 10 {
            routes.deliver(path(1), Instant::now(), b"\x80");
        }
        assert_eq!(std::iter::from_fn(|| came(&mut of_a)).count(), INBOX);
    }
}
