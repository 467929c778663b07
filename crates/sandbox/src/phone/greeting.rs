//! What a phone does for its linked devices: it vouches for them, and gives a new one what it needs to start.

use super::{adv, app_state, with};
use crate::{account::Number, device::DeviceId, state::State};

/// Signs the list of devices that are the account's, for others to check.
pub(crate) fn sign_key_indexes(state: &mut State, number: Number) {
    let valid: Vec<u32> = state.devices_of(number).map(|(_, device)| device.key_index).collect();
    let list = with(state, number, |phone, _| adv::key_index_list(&phone.keys, &valid, crate::now()));
    if let Ok(list) = list {
        state.change_account(number, |account| account.key_indexes = list);
    }
}

/// A device was linked just now: what it gets waits in its queue until it has logged in.
pub(crate) fn greet(state: &mut State, device: DeviceId) {
    let greeted = with(state, device.number, |phone, state| {
        app_state::begin(phone, state);
        app_state::share(phone, state, device, &[]);
    });
    // Every account has a phone.
    debug_assert!(greeted.is_ok());
}
