//! Trouble on purpose. Whether a fault strikes is drawn from its seed, the device, and how often it was drawn for that
//! device before, so that a run can be repeated whatever the devices' stanzas did in between each other.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{account::Number, device::DeviceId};

const ACTIVE_MAX: usize = 100;
/// How many strikes are remembered; the oldest is forgotten first.
const STRUCK_MAX: usize = 1_000;
/// A delayed stanza comes later by up to this.
const DELAY_MAX: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The socket is closed.
    Drop,
    /// What the network says comes late.
    Delay,
    /// Messages, receipts and notifications come twice.
    Duplicate,
    /// One of them is overtaken by the next.
    Reorder,
    /// Messages are refused, with [`REJECTED`] as the code.
    Reject,
    /// The socket stays open, and nobody answers.
    Silence,
    /// No connection at all; a phone is switched off.
    Offline,
    /// Log-in is refused: the account is banned until the fault ends.
    Ban,
    /// Log-in is refused: the client is too old.
    Outdated,
    /// Questions are refused for being too many.
    Overlimit,
    /// Messages to people who never wrote are refused, with [`RESTRICTED`] as the code.
    Restricted,
}

/// The code that [`Kind::Reject`] refuses messages with.
pub(crate) const REJECTED: u16 = 503;
/// The code that [`Kind::Restricted`] refuses messages with.
pub(crate) const RESTRICTED: u16 = 463;

impl Kind {
    pub const ALL: [(&str, Self); 11] = [
        ("drop", Self::Drop),
        ("delay", Self::Delay),
        ("duplicate", Self::Duplicate),
        ("reorder", Self::Reorder),
        ("reject", Self::Reject),
        ("silence", Self::Silence),
        ("offline", Self::Offline),
        ("ban", Self::Ban),
        ("outdated", Self::Outdated),
        ("overlimit", Self::Overlimit),
        ("restricted", Self::Restricted),
    ];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, kind)| kind)
    }
}

#[derive(Serialize)]
pub(crate) struct Fault {
    pub id: u64,
    pub kind: Kind,
    /// A number, or everyone.
    #[serde(serialize_with = "as_text")]
    pub target: Option<Number>,
    #[serde(skip)]
    pub until: Option<Instant>,
    /// From 0 to 1: how often it strikes.
    pub rate: f64,
    pub seed: u64,
    #[serde(skip)]
    drawn: HashMap<DeviceId, u64>,
}

fn as_text<S: serde::Serializer>(target: &Option<Number>, serializer: S) -> Result<S::Ok, S::Error> {
    match target {
        Some(number) => serializer.collect_str(number),
        None => serializer.serialize_none(),
    }
}

/// A strike, for a run to be compared with another.
#[derive(Clone, Serialize)]
pub(crate) struct Struck {
    pub fault: u64,
    pub kind: Kind,
    /// `number:device`.
    pub device: String,
    /// The how manyeth draw for this device, from 0.
    pub draw: u64,
    /// What it struck: a stanza's tag and id, or a connection.
    pub what: String,
}

#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<Fault>,
    next: u64,
    struck: VecDeque<Struck>,
}

/// What becomes of something that the network says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Pass,
    Drop,
    Delay(Duration),
    Twice,
    Overtaken,
    Swallowed,
}

impl Faults {
    /// `None` when there are too many.
    pub fn add(
        &mut self,
        kind: Kind,
        target: Option<Number>,
        lasts: Option<Duration>,
        rate: f64,
        seed: u64,
    ) -> Option<u64> {
        self.expire();
        (self.active.len() < ACTIVE_MAX).then_some(())?;
        let id = self.next;
        self.next += 1;
        let until = lasts.map(|lasts| Instant::now() + lasts);
        self.active.push(Fault { id, kind, target, until, rate, seed, drawn: HashMap::new() });
        Some(id)
    }

    /// All, or those of a kind or target.
    pub fn clear(&mut self, kind: Option<Kind>, target: Option<Number>) {
        self.active
            .retain(|fault| kind.is_some_and(|kind| kind != fault.kind) || target.is_some() && target != fault.target);
    }

    pub fn active(&mut self) -> &[Fault] {
        self.expire();
        &self.active
    }

    pub fn struck(&self) -> impl Iterator<Item = &Struck> {
        self.struck.iter()
    }

    fn expire(&mut self) {
        if !self.active.is_empty() {
            let now = Instant::now();
            self.active.retain(|fault| fault.until.is_none_or(|until| until > now));
        }
    }

    /// Draws for every fault of that kind which concerns the device. The number is the seed's, for how much.
    fn strikes(&mut self, kind: Kind, device: DeviceId, what: impl Fn() -> String) -> Option<u64> {
        self.expire();
        let of = |fault: &&mut Fault| fault.kind == kind && fault.target.is_none_or(|number| number == device.number);
        for fault in self.active.iter_mut().filter(|fault| of(fault)) {
            let drawn = fault.drawn.entry(device).or_default();
            let draw = *drawn;
            *drawn += 1;
            let value = scramble(fault.seed, device, draw);
            // 53 bits are what an f64 tells apart.
            if ((value >> 11) as f64 / (1_u64 << 53) as f64) < fault.rate {
                let struck = Struck {
                    fault: fault.id,
                    kind,
                    device: format!("{}:{}", device.number, device.device),
                    draw,
                    what: what(),
                };
                self.struck.push_back(struck);
                if self.struck.len() > STRUCK_MAX {
                    self.struck.pop_front();
                }
                return Some(value);
            }
        }
        None
    }

    pub fn refuse_message(&mut self, from: DeviceId) -> Option<u16> {
        self.strikes(Kind::Reject, from, || "message".to_owned()).map(|_| REJECTED)
    }

    /// Whether the device may not write to somebody who never wrote to it.
    pub fn is_restricted(&mut self, from: DeviceId) -> bool {
        self.strikes(Kind::Restricted, from, || "message".to_owned()).is_some()
    }

    /// Whether the device asked too much.
    pub fn is_over_limit(&mut self, from: DeviceId, namespace: &str) -> bool {
        self.strikes(Kind::Overlimit, from, || format!("iq {namespace}")).is_some()
    }

    pub fn is_offline(&mut self, number: Number) -> bool {
        self.expire();
        self.active
            .iter()
            .any(|fault| fault.kind == Kind::Offline && fault.target.is_none_or(|target| target == number))
    }

    /// Why a device is not let in.
    pub fn refuse_login(&mut self, device: DeviceId) -> Option<Kind> {
        let login = || "login".to_owned();
        [Kind::Offline, Kind::Ban, Kind::Outdated].into_iter().find(|kind| self.strikes(*kind, device, login).is_some())
    }

    /// How long the ban of an account lasts from now.
    pub fn ban_left(&self, number: Number) -> Duration {
        let of = |fault: &&Fault| fault.kind == Kind::Ban && fault.target.is_none_or(|target| target == number);
        let until = self.active.iter().filter(of).filter_map(|fault| fault.until).max();
        until.map_or(Duration::from_secs(86_400), |until| until.saturating_duration_since(Instant::now()))
    }

    /// What happens to a stanza on its way to a device.
    pub fn outgoing(&mut self, device: DeviceId, tag: &str, id: &str) -> Fate {
        if self.active.is_empty() {
            return Fate::Pass;
        }
        let what = || format!("{tag} {id}");
        if self.strikes(Kind::Silence, device, what).is_some() {
            return Fate::Swallowed;
        }
        if self.strikes(Kind::Drop, device, what).is_some() {
            return Fate::Drop;
        }
        if let Some(value) = self.strikes(Kind::Delay, device, what) {
            return Fate::Delay(Duration::from_millis(value % u64::try_from(DELAY_MAX.as_millis()).unwrap_or(1)));
        }
        if matches!(tag, "message" | "receipt" | "notification") {
            if self.strikes(Kind::Duplicate, device, what).is_some() {
                return Fate::Twice;
            }
            if self.strikes(Kind::Reorder, device, what).is_some() {
                return Fate::Overtaken;
            }
        }
        Fate::Pass
    }

    /// Whether what a device says is not heard.
    pub fn is_deaf(&mut self, device: DeviceId) -> bool {
        !self.active.is_empty() && self.strikes(Kind::Silence, device, || "incoming".to_owned()).is_some()
    }
}

/// SplitMix64 over what a draw depends on.
fn scramble(seed: u64, device: DeviceId, draw: u64) -> u64 {
    let mut value = seed;
    for part in [u64::from_be_bytes(device.number.key()), u64::from(device.device), draw] {
        value = (value ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^= value >> 31;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: &str) -> DeviceId {
        DeviceId { number: Number::parse(number).unwrap(), device: 1 }
    }

    fn fates(order: &[&str], seed: u64) -> HashMap<String, Vec<bool>> {
        let mut faults = Faults::default();
        faults.add(Kind::Drop, None, None, 0.5, seed);
        let mut fates: HashMap<String, Vec<bool>> = HashMap::new();
        for number in order {
            let dropped = faults.outgoing(device(number), "message", "x") == Fate::Drop;
            fates.entry((*number).to_owned()).or_default().push(dropped);
        }
        fates
    }

    #[test]
    fn a_seed_repeats_a_run_in_whatever_order_devices_come() {
        let (a, b) = ("15550000001", "15550000002");
        let one = fates(&[a, a, a, a, a, a, b, b, b, b, b, b], 7);
        let other = fates(&[b, a, b, a, b, a, a, b, a, b, a, b], 7);
        assert_eq!(one, other);
        assert_ne!(one, fates(&[a, a, a, a, a, a, b, b, b, b, b, b], 8));
        assert_ne!(one[a], one[b]);
    }

    #[test]
    fn a_fault_concerns_its_target_until_cleared() {
        let mut faults = Faults::default();
        let (a, b) = (device("15550000001"), device("15550000002"));
        faults.add(Kind::Reject, Some(a.number), None, 1.0, 0);
        assert_eq!(faults.refuse_message(a), Some(REJECTED));
        assert_eq!(faults.refuse_message(b), None);
        assert_eq!(faults.struck().count(), 1);
        faults.clear(Some(Kind::Drop), None);
        assert_eq!(faults.active().len(), 1);
        faults.clear(None, None);
        assert_eq!(faults.refuse_message(a), None);
    }

    #[test]
    fn limits_are_drawn_by_themselves() {
        let mut faults = Faults::default();
        let a = device("15550000001");
        assert!(!faults.is_over_limit(a, "usync") && !faults.is_restricted(a));
        faults.add(Kind::Overlimit, None, None, 1.0, 0);
        assert!(faults.is_over_limit(a, "usync") && !faults.is_restricted(a));
        faults.add(Kind::Restricted, Some(a.number), None, 1.0, 0);
        assert!(faults.is_restricted(a) && !faults.is_restricted(device("15550000002")));
        assert_eq!(faults.refuse_message(a), None);
    }

    #[test]
    fn a_fault_ends_by_itself() {
        let mut faults = Faults::default();
        faults.add(Kind::Offline, None, Some(Duration::ZERO), 1.0, 0);
        assert!(!faults.is_offline(device("15550000001").number));
        assert!(faults.active().is_empty());
    }
}
