//! What became of the messages that a phone sent, device by device. One to a large group has thousands of these, so each
//! is kept on its own.

use std::collections::{BTreeMap, HashMap};

use wago_contract::phone::{Receipt, State};

use super::messages::Seen;
use crate::{
    account::Number,
    device::DeviceId,
    journal::{Journal, Tables},
};

const RECEIPTS: &str = "phone-receipt";

/// Of one message.
#[derive(Default)]
struct Tally {
    of: BTreeMap<DeviceId, Receipt>,
    /// How many people have it, on whatever device, and how many of them read it.
    delivered: usize,
    read: usize,
}

impl Tally {
    fn of_person(&self, number: Number) -> impl Iterator<Item = &Receipt> {
        let devices = DeviceId::phone(number)..=DeviceId { number, device: u16::MAX };
        self.of.range(devices).map(|(_, receipt)| receipt)
    }

    /// `counts`: the device belongs to somebody for whom the message was meant.
    fn add(&mut self, device: DeviceId, receipt: Receipt, counts: bool) {
        let (had, had_read) = (
            self.of_person(device.number).next().is_some(),
            self.of_person(device.number).any(|receipt| receipt.read.is_some()),
        );
        self.of.insert(device, receipt);
        if counts {
            self.delivered += usize::from(!had);
            self.read += usize::from(!had_read && receipt.read.is_some());
        }
    }
}

#[derive(Default)]
pub struct Receipts {
    /// By the cursor of the message.
    tallies: HashMap<u64, Tally>,
    touched: Vec<(u64, DeviceId)>,
}

impl Receipts {
    pub fn restore(tables: &Tables) -> HashMap<Number, Self> {
        let mut all: HashMap<Number, Self> = HashMap::new();
        for (key, value) in tables.get(RECEIPTS).into_iter().flatten() {
            let row = key.split_first_chunk::<8>().and_then(|(number, rest)| {
                let (cursor, device) = rest.split_first_chunk::<8>()?;
                let receipt = serde_json::from_slice::<Receipt>(value).ok()?;
                Some((Number::from_key(number)?, u64::from_be_bytes(*cursor), DeviceId::from_key(device)?, receipt))
            });
            let Some((number, cursor, device, receipt)) = row else { continue };
            let tally = all.entry(number).or_default().tallies.entry(cursor).or_default();
            tally.add(device, receipt, device.number != number);
        }
        all
    }

    /// A device reported. What that makes of the message as a whole, which is for so many people.
    pub fn add(
        &mut self,
        cursor: u64,
        device: DeviceId,
        seen: Seen,
        at: u64,
        counts: bool,
        audience: usize,
    ) -> Option<State> {
        let tally = self.tallies.entry(cursor).or_default();
        let mut receipt = tally.of.get(&device).copied().unwrap_or_default();
        let first = |time: &mut Option<u64>| *time = time.or(Some(at));
        first(&mut receipt.delivered);
        if seen != Seen::Delivered {
            first(&mut receipt.read);
        }
        if seen == Seen::Played {
            first(&mut receipt.played);
        }
        tally.add(device, receipt, counts);
        self.touched.push((cursor, device));
        let audience = audience.max(1);
        if tally.read >= audience {
            Some(State::Read)
        } else {
            (tally.delivered >= audience).then_some(State::Delivered)
        }
    }

    /// By the devices' JIDs.
    pub fn list(&self, cursor: u64) -> BTreeMap<String, Receipt> {
        let of = self.tallies.get(&cursor).map(|tally| &tally.of);
        of.into_iter().flatten().map(|(device, receipt)| (device.jid().to_string(), *receipt)).collect()
    }

    /// With the message that they were about.
    pub fn forget(&mut self, cursor: u64) {
        let devices = self.tallies.remove(&cursor).map(|tally| tally.of).unwrap_or_default();
        self.touched.extend(devices.into_keys().map(|device| (cursor, device)));
    }

    /// Writes what changed. True if anything did.
    pub fn keep(&mut self, number: Number, journal: &Journal) -> bool {
        let touched = std::mem::take(&mut self.touched);
        for (cursor, device) in &touched {
            let key = [number.key().as_slice(), &cursor.to_be_bytes(), &device.key()].concat();
            match self.tallies.get(cursor).and_then(|tally| tally.of.get(device)) {
                Some(receipt) => {
                    journal.put(RECEIPTS, &key, &serde_json::to_vec(receipt).expect("a receipt is plain data"));
                }
                None => journal.delete(RECEIPTS, &key),
            }
        }
        !touched.is_empty()
    }
}
