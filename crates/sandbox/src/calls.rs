//! The calls that go on, as the network knows them. They do not outlive it: what holds them together is its relay.

use std::collections::BTreeMap;

use crate::{account::Number, device::DeviceId};

/// Calls at a time; one more is refused.
const CALLS_MAX: usize = 4_096;

pub(crate) struct Ongoing {
    pub caller: DeviceId,
    pub callee: Number,
    /// Which of the callee's devices took it.
    pub answered: Option<DeviceId>,
}

#[derive(Default)]
pub(crate) struct Calls(BTreeMap<String, Ongoing>);

impl Calls {
    /// False: there are too many, or one of that id.
    pub fn begin(&mut self, id: &str, call: Ongoing) -> bool {
        if self.0.len() >= CALLS_MAX || self.0.contains_key(id) {
            return false;
        }
        self.0.insert(id.to_owned(), call);
        true
    }

    pub fn get(&self, id: &str) -> Option<&Ongoing> {
        self.0.get(id)
    }

    /// The first device that takes it has it.
    pub fn answer(&mut self, id: &str, device: DeviceId) -> bool {
        match self.0.get_mut(id) {
            Some(call) if call.answered.is_none() => {
                call.answered = Some(device);
                true
            }
            _ => false,
        }
    }

    pub fn end(&mut self, id: &str) -> Option<Ongoing> {
        self.0.remove(id)
    }
}
