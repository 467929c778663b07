//! Stanzas that a device has not acknowledged yet. They are kept until it does, so a device that was away, or died before
//! it answered, gets them again.

use std::collections::BTreeMap;

use wacore_binary::Node;

/// A device away for longer loses its oldest stanzas, as with a real server, which drops a device after a month.
const STANZAS_MAX: usize = 20_000;

#[derive(Default)]
pub(crate) struct Queue {
    /// By a number that only grows.
    stanzas: BTreeMap<u64, Node>,
    next: u64,
    /// Up to which number they were handed to the connection that is open now.
    handed: u64,
}

/// A stanza that the queue took, and one that it gave up for it.
pub(crate) struct Pushed {
    pub number: u64,
    pub dropped: Option<u64>,
}

impl Queue {
    pub fn restore(&mut self, number: u64, stanza: Node) {
        self.stanzas.insert(number, stanza);
        self.next = self.next.max(number + 1);
    }

    pub fn push(&mut self, stanza: Node) -> Pushed {
        let number = self.next;
        self.next += 1;
        self.stanzas.insert(number, stanza);
        let dropped =
            (self.stanzas.len() > STANZAS_MAX).then(|| self.stanzas.pop_first().map(|(number, _)| number)).flatten();
        Pushed { number, dropped }
    }

    /// Removes the stanza of that kind and id, and returns its number.
    pub fn acknowledge(&mut self, tag: &str, id: &str) -> Option<u64> {
        let matches =
            |stanza: &Node| stanza.tag == tag && stanza.attrs.get("id").is_some_and(|value| value.as_str() == id);
        let number = *self.stanzas.iter().find(|(_, stanza)| matches(stanza))?.0;
        self.stanzas.remove(&number);
        Some(number)
    }

    /// A new connection begins: everything is to be handed out again.
    pub fn rewind(&mut self) {
        self.handed = 0;
    }

    /// The next stanzas in order, at most `count`, each once per connection.
    pub fn hand_out(&mut self, count: usize) -> Vec<Node> {
        let next: Vec<_> =
            self.stanzas.range(self.handed..).take(count).map(|(number, stanza)| (*number, stanza.clone())).collect();
        if let Some((last, _)) = next.last() {
            self.handed = last + 1;
        }
        next.into_iter().map(|(_, stanza)| stanza).collect()
    }

    /// Marks what was handed straight to the connection as it came in.
    pub fn handed_live(&mut self, number: u64) {
        self.handed = self.handed.max(number + 1);
    }

    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.stanzas.keys().copied()
    }

    /// Not handed to this connection yet.
    pub fn waiting(&self) -> impl Iterator<Item = &Node> {
        self.stanzas.range(self.handed..).map(|(_, stanza)| stanza)
    }

    pub fn len(&self) -> usize {
        self.stanzas.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::read::{Read as _, node};

    fn message(id: &str) -> Node {
        node("message").attr("id", id).build()
    }

    fn ids(stanzas: Vec<Node>) -> Vec<String> {
        stanzas.iter().filter_map(|stanza| stanza.text("id")).collect()
    }

    #[test]
    fn each_connection_gets_what_was_never_acknowledged_in_order() {
        let mut queue = Queue::default();
        for id in ["a", "b", "c"] {
            queue.push(message(id));
        }
        assert_eq!(ids(queue.hand_out(2)), ["a", "b"]);
        assert_eq!(ids(queue.hand_out(2)), ["c"]);
        assert!(queue.acknowledge("message", "b").is_some());
        assert!(queue.acknowledge("receipt", "a").is_none(), "of another kind");
        queue.rewind();
        assert_eq!(ids(queue.hand_out(9)), ["a", "c"]);
        let live = queue.push(message("d")).number;
        queue.handed_live(live);
        assert!(queue.hand_out(9).is_empty());
    }
}
