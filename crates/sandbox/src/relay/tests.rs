use std::net::Ipv4Addr;

use super::*;
use crate::stanza::read::Read as _;

const SOUND: &[u8] = &[0x90, 0x78, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4];

fn relay() -> Relay {
    Relay::new(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1), CancellationToken::new())
}

/// A device of a call, with what it was told.
struct Device {
    end: End,
    packets: mpsc::Receiver<Bytes>,
    token: Vec<u8>,
    key: Vec<u8>,
}

impl Device {
    fn of(relay: &Relay, call: &str, name: &str) -> Self {
        let told = relay.told(call, name).unwrap();
        let (end, packets) = relay.join();
        Self { end, packets, token: told.child("token").unwrap().content(), key: told.child("key").unwrap().content() }
    }

    fn asks(&self, id: [u8; 12]) -> Bytes {
        let mut attribute = TOKEN.to_be_bytes().to_vec();
        attribute.extend(u16::try_from(self.token.len()).unwrap().to_be_bytes());
        attribute.extend(&self.token);
        stun::encode_stun_request(stun::MSG_ALLOCATE_REQUEST, &id, &attribute, Some(&self.key), false).into()
    }

    /// Shows its token; what it is answered.
    fn allocate(&mut self) -> Bytes {
        let request = self.asks([7; 12]);
        self.end.receive(&request);
        self.packets.try_recv().unwrap()
    }

    fn seated(mut self) -> Self {
        assert!(stun::is_allocate_or_binding_success(&self.allocate()));
        self
    }

    fn says(&mut self, sound: &[u8]) {
        self.end.receive(&Bytes::copy_from_slice(sound));
    }

    fn hears(&mut self) -> Option<Bytes> {
        self.packets.try_recv().ok()
    }
}

fn call(relay: &Relay, id: &str, devices: &[&str]) -> Vec<Device> {
    assert!(relay.seat(id, devices.iter().map(|device| (*device).to_owned())));
    devices.iter().map(|device| Device::of(relay, id, device)).collect()
}

#[test]
fn a_token_that_nobody_was_given_and_a_key_of_another_call_are_refused() {
    let relay = relay();
    let mut devices = call(&relay, "C1", &["a", "b"]);
    let other = call(&relay, "C2", &["c", "d"]);
    let right = (devices[0].token.clone(), devices[0].key.clone());
    for (token, key) in [
        (vec![1; 32], right.1.clone()),
        (right.0.clone(), other[0].key.clone()),
        (right.0.clone(), Vec::new()),
        (Vec::new(), right.1.clone()),
    ] {
        (devices[0].token, devices[0].key) = (token, key);
        let answer = devices[0].allocate();
        assert!(stun::is_allocate_error(&answer));
        assert_eq!(stun::parse_stun_error_code(&answer), Some(UNAUTHORIZED));
    }
    // Whoever has no seat is not heard.
    devices[0].says(SOUND);
    assert_eq!(relay.traffic("C1").iter().map(|(_, traffic)| traffic.sent).sum::<u64>(), 0);
    (devices[0].token, devices[0].key) = right;
    assert!(stun::is_allocate_or_binding_success(&devices[0].allocate()));
}

#[test]
fn a_request_that_was_changed_on_its_way_is_refused() {
    let relay = relay();
    let mut devices = call(&relay, "C1", &["a", "b"]);
    let mut request = devices[0].asks([7; 12]).to_vec();
    request[10] ^= 1;
    devices[0].says(&request);
    assert!(stun::is_allocate_error(&devices[0].hears().unwrap()));
    // No message, or half of one, is no reason to fall over.
    for length in 0..request.len() {
        devices[0].says(&request[..length]);
    }
}

#[test]
fn sound_goes_to_all_others_of_the_call_and_to_nobody_else() {
    let relay = relay();
    let mut one: Vec<_> = call(&relay, "C1", &["a", "b", "c"]).into_iter().map(Device::seated).collect();
    let mut two: Vec<_> = call(&relay, "C2", &["a", "b"]).into_iter().map(Device::seated).collect();
    one[0].says(SOUND);
    assert_eq!(one[0].hears(), None, "nobody hears himself");
    for device in &mut one[1..] {
        assert_eq!(device.hears().as_deref(), Some(SOUND), "as it was said");
    }
    assert!(two.iter_mut().all(|device| device.hears().is_none()));
    let traffic: Vec<_> =
        relay.traffic("C1").into_iter().map(|(_, traffic)| (traffic.sent, traffic.received)).collect();
    assert_eq!(traffic, [(1, 0), (0, 1), (0, 1)]);
    assert!(relay.traffic("C3").is_empty());
}

#[test]
fn who_shows_the_token_again_takes_the_place() {
    let relay = relay();
    let mut devices: Vec<_> = call(&relay, "C1", &["a", "b"]).into_iter().map(Device::seated).collect();
    let mut again = Device::of(&relay, "C1", "a").seated();
    devices[1].says(SOUND);
    assert!(again.hears().is_some() && devices[0].hears().is_none());
    devices[0].says(SOUND);
    assert!(devices[1].hears().is_none(), "who had the place is not heard any more");
    // That the older one goes away does not take the place from the newer.
    let _ = devices.remove(0);
    devices[0].says(SOUND);
    assert!(again.hears().is_some());
    drop(again);
    devices[0].says(SOUND);
    assert_eq!(relay.traffic("C1")[0].1.received, 2);
}

#[test]
fn pings_are_answered_and_bindings_of_those_who_have_a_place() {
    let relay = relay();
    let mut device = call(&relay, "C1", &["a"]).remove(0);
    device.says(&stun::build_whatsapp_ping(&[3; 12]));
    assert!(stun::is_whatsapp_pong(&device.hears().unwrap(), Some(&[3; 12])));
    let binding = stun::encode_stun_request(stun::MSG_BINDING_REQUEST, &[4; 12], &[], None, false);
    device.says(&binding);
    assert_eq!(device.hears(), None);
    let mut device = device.seated();
    device.says(&binding);
    assert!(stun::is_allocate_or_binding_success(&device.hears().unwrap()));
}

#[test]
fn calls_that_are_over_leave_nothing() {
    let relay = relay();
    for number in 0..200 {
        let id = format!("C{number}");
        let mut devices: Vec<_> = call(&relay, &id, &["a", "b", "c"]).into_iter().map(Device::seated).collect();
        assert!(!relay.seat(&id, ["x".to_owned()]), "it has its seats");
        assert!(relay.told(&id, "x").is_none(), "it is told to those who are called only");
        devices[0].says(SOUND);
        relay.close(&id);
        assert!(devices[1].hears().is_some() && devices[2].hears().is_some());
        devices[0].says(SOUND);
        assert_eq!(devices[1].hears(), None);
        assert!(stun::is_allocate_error(&devices[2].allocate()));
        assert!(relay.told(&id, "a").is_none());
    }
    assert!(relay.is_empty());
}

#[test]
fn there_is_room_for_so_many_calls_and_for_one_more_when_one_ends() {
    let relay = relay();
    for number in 0..CALLS_MAX {
        assert!(relay.seat(&number.to_string(), []));
    }
    assert!(!relay.seat("more", []));
    relay.close("0");
    assert!(relay.seat("more", []));
}

#[test]
fn trouble_strikes_one_call_or_all_and_the_same_packets_each_time() {
    let plan = Plan { loss: 0.25, seed: 9, ..Plan::default() };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let relay = relay();
        let mut devices: Vec<_> = call(&relay, "C1", &["a", "b"]).into_iter().map(Device::seated).collect();
        let mut spared: Vec<_> = call(&relay, "C2", &["a", "b"]).into_iter().map(Device::seated).collect();
        assert!(!relay.trouble(Some("C3"), plan));
        assert!(relay.trouble(Some("C1"), plan));
        let mut run = Vec::new();
        for _ in 0..1_000 {
            devices[0].says(SOUND);
            run.push(devices[1].hears().is_some());
            spared[0].says(SOUND);
            assert!(spared[1].hears().is_some());
        }
        let heard = run.iter().filter(|heard| **heard).count();
        assert!((700..800).contains(&heard), "{heard}");
        assert_eq!(relay.traffic("C1")[1].1.lost, 1_000 - heard as u64);
        runs.push(run);
        // For all that go on, and those that come.
        assert!(relay.trouble(None, Plan { loss: 1.0, ..plan }));
        let mut later: Vec<_> = call(&relay, "C4", &["a", "b"]).into_iter().map(Device::seated).collect();
        for devices in [&mut devices, &mut spared, &mut later] {
            devices[0].says(SOUND);
            assert!(devices[1].hears().is_none());
        }
        assert!(relay.trouble(None, Plan::default()));
        later[0].says(SOUND);
        assert!(later[1].hears().is_some());
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn what_is_late_comes_later_and_what_is_doubled_twice() {
    let relay = relay();
    let mut devices: Vec<_> = call(&relay, "C1", &["a", "b"]).into_iter().map(Device::seated).collect();
    let jitter = std::time::Duration::from_millis(100);
    relay.trouble(None, Plan { jitter, duplicates: 1.0, seed: 3, ..Plan::default() });
    devices[0].says(SOUND);
    assert!(devices[1].hears().is_none());
    let begun = tokio::time::Instant::now();
    for _ in 0..2 {
        assert_eq!(devices[1].packets.recv().await.as_deref(), Some(SOUND));
    }
    assert!(begun.elapsed() <= jitter);
}

#[tokio::test]
async fn what_is_no_handshake_is_passed_over() {
    let stopping = CancellationToken::new();
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let relay = Relay::open(any, Ipv4Addr::LOCALHOST, stopping.clone()).await.unwrap();
    assert!(relay.seat("C1", ["a".to_owned()]));
    let told = relay.told("C1", "a").unwrap();
    let address = told.child("te2").unwrap().content();
    let port = u16::from_be_bytes([address[4], address[5]]);
    assert_eq!(address[..4], [127, 0, 0, 1]);
    let socket = UdpSocket::bind(any).await.unwrap();
    for datagram in [&b"hello"[..], &[], SOUND, &[22; 1_500]] {
        socket.send_to(datagram, (Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }
    // The port is its own, and goes with it.
    assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await.is_err());
    stopping.cancel();
    while UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        tokio::task::yield_now().await;
    }
}
