//! How the two ends find each other.

use std::net::SocketAddr;

use str0m::media::Direction;
use tokio::net::UdpSocket;
use wago_calls::webrtc::{CandidateError, LegState};

use crate::{
    exchange, exchange_with,
    page::{Beside, Offering, within},
    reaches,
};

fn without_candidates(sdp: &str) -> String {
    sdp.lines().filter(|line| !line.starts_with("a=candidate:")).map(|line| format!("{line}\r\n")).collect()
}

#[tokio::test]
async fn a_page_whose_address_comes_later_is_found_there() {
    let exchange = exchange();
    let offering = Offering::new(Direction::SendRecv, Beside::Nothing).await;
    let candidate = offering.candidate.clone();
    let mut leg = exchange.answer(&without_candidates(&offering.offer)).unwrap();
    // The page does not know where to look, so it has to be looked for.
    let mut page = offering.accept(&without_candidates(&leg.answer));
    assert_eq!(*leg.state.borrow(), LegState::New);
    leg.control.add_candidate(&format!("a={candidate}")).unwrap();
    leg.control.add_candidate("").unwrap();
    page.is_connected().await;
    reaches(&mut leg, LegState::Connected).await;
}

#[tokio::test]
async fn a_page_that_hides_its_address_is_known_by_its_checks() {
    let exchange = exchange();
    let offering = Offering::new(Direction::SendRecv, Beside::Nothing).await;
    let hidden = offering.offer.replace(" 127.0.0.1 ", " 5a3c7f1e-7f3c-4d2e-9a0e-0b9f7c6d5e4f.local ");
    assert_ne!(hidden, offering.offer);
    let mut leg = exchange.answer(&hidden).unwrap();
    let hidden = "candidate:1 1 udp 2113937151 5a3c7f1e-7f3c-4d2e-9a0e-0b9f7c6d5e4f.local 50000 typ host";
    leg.control.add_candidate(hidden).unwrap();
    let mut page = offering.accept(&leg.answer);
    page.is_connected().await;
    reaches(&mut leg, LegState::Connected).await;
}

#[tokio::test]
async fn a_wrong_candidate_is_an_error_and_harms_nothing() {
    let exchange = exchange();
    let offering = Offering::new(Direction::SendRecv, Beside::Nothing).await;
    let mut leg = exchange.answer(&offering.offer).unwrap();
    assert!(matches!(leg.control.add_candidate("candidate:nonsense"), Err(CandidateError::Malformed(_))));
    let mut page = offering.accept(&leg.answer);
    page.is_connected().await;
    reaches(&mut leg, LegState::Connected).await;
}

#[tokio::test]
async fn what_a_stun_server_tells_is_in_the_answer() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mapped: SocketAddr = "203.0.113.7:4567".parse().unwrap();
    let exchange = exchange_with(vec![format!("stun:{}", server.local_addr().unwrap())]);
    let serve = async {
        let mut buffer = [0; 100];
        let (length, from) = server.recv_from(&mut buffer).await.unwrap();
        assert_eq!((length, from.port()), (20, exchange.port()), "a request from the port of the legs");
        assert_eq!(buffer[..8], [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        server.send_to(&success(&buffer[8..20], mapped), from).await.unwrap();
    };
    let ((), seen) = within(async { tokio::join!(serve, exchange.seen_from_outside()) }).await;
    assert_eq!(seen, [mapped]);
    let offer = Offering::new(Direction::SendRecv, Beside::Nothing).await.offer;
    let answer = exchange.answer(&offer).unwrap().answer;
    assert!(answer.lines().any(|line| line.contains(" 203.0.113.7 4567 typ srflx")), "{answer}");
}

/// A binding success with the address in XOR-MAPPED-ADDRESS.
fn success(transaction: &[u8], mapped: SocketAddr) -> Vec<u8> {
    let cookie = [0x21, 0x12, 0xa4, 0x42];
    let SocketAddr::V4(mapped) = mapped else { panic!("IPv4") };
    let port = mapped.port() ^ 0x2112;
    let ip: Vec<u8> = mapped.ip().octets().iter().zip(cookie).map(|(byte, mask)| byte ^ mask).collect();
    [&[1, 1, 0, 12], &cookie[..], transaction, &[0, 0x20, 0, 8, 0, 1], &port.to_be_bytes(), &ip].concat()
}

#[tokio::test]
async fn datagrams_that_are_nobodys_are_dropped() {
    let exchange = exchange();
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = SocketAddr::from(([127, 0, 0, 1], exchange.port()));
    let check = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    for junk in [&b""[..], b"\x80", &[0x80; 1_400], &check, &[0x16; 60], &[1, 1], &[0xff; 9_000]] {
        stranger.send_to(junk, port).await.unwrap();
    }
    let (mut page, _leg) = crate::joined(&exchange, Direction::SendRecv).await;
    page.is_connected().await;
}
