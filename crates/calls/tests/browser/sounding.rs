//! What is said is heard, both ways.

use bytes::Bytes;
use str0m::media::Direction;
use wago_calls::{
    Heard,
    webrtc::{AddressKind, Leg},
};

use crate::{exchange, joined, page::Page, page::within, tone};

/// Speaks into the page, 20 ms a packet, and returns what the line hears.
async fn spoken(page: &Page, leg: &mut Leg, hertz: usize, count: usize) -> Vec<Heard> {
    let mut heard = Vec::new();
    for (index, packet) in tone::packets(hertz, 20, count).into_iter().enumerate() {
        page.microphone.send((1_000 + 960 * index as u32, packet)).await.unwrap();
        heard.push(within(leg.trunk.heard.recv()).await.unwrap());
    }
    heard
}

/// Speaks into the line, and returns what the page plays.
async fn played(page: &mut Page, leg: &Leg, hertz: usize, count: usize) -> Vec<crate::page::Sounded> {
    let mut played = Vec::new();
    for packet in tone::packets(hertz, 60, count) {
        leg.trunk.said.send(Bytes::from(packet)).await.unwrap();
        played.push(page.hear().await);
    }
    played
}

#[tokio::test]
async fn a_tone_goes_from_the_page_to_the_line_and_another_back() {
    let exchange = exchange();
    let (mut page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    assert_eq!(leg.trunk.clock, 48_000);
    let heard = spoken(&page, &mut leg, 440, 50).await;
    tone::assert_is(&tone::decoded(heard.iter().map(|heard| &heard.data[..])), 440);
    let played = played(&mut page, &leg, 1_000, 20).await;
    tone::assert_is(&tone::decoded(played.iter().map(|played| &played.data[..])), 1_000);
}

#[tokio::test]
async fn packets_from_a_page_keep_their_numbers_and_times() {
    let exchange = exchange();
    let (page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    let heard = spoken(&page, &mut leg, 440, 10).await;
    // The page's numbers wrap around in between.
    let expected: Vec<_> =
        (0..10).map(|index: u16| (65_531_u16.wrapping_add(index), 1_000 + 960 * u32::from(index))).collect();
    assert_eq!(heard.iter().map(|heard| (heard.sequence, heard.timestamp)).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn packets_to_a_page_are_60_milliseconds_apart() {
    let exchange = exchange();
    let (mut page, leg) = joined(&exchange, Direction::SendRecv).await;
    let played = played(&mut page, &leg, 440, 10).await;
    assert!(played[0].marker && played[1..].iter().all(|played| !played.marker));
    for pair in played.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 2_880);
    }
}

#[tokio::test]
async fn two_pages_do_not_hear_each_other() {
    let exchange = exchange();
    let (mut one_page, mut one) = joined(&exchange, Direction::SendRecv).await;
    let (mut other_page, mut other) = joined(&exchange, Direction::SendRecv).await;
    assert_ne!(one.id, other.id);
    let packets = |hertz| tone::packets(hertz, 20, 50);
    let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
    for (index, (low, high)) in packets(300).into_iter().zip(packets(700)).enumerate() {
        one_page.microphone.send((960 * index as u32, low)).await.unwrap();
        other_page.microphone.send((960 * index as u32, high)).await.unwrap();
        of_one.push(within(one.trunk.heard.recv()).await.unwrap().data);
        of_other.push(within(other.trunk.heard.recv()).await.unwrap().data);
    }
    tone::assert_is(&tone::decoded(of_one.iter().map(|data| &data[..])), 300);
    tone::assert_is(&tone::decoded(of_other.iter().map(|data| &data[..])), 700);
    let (of_one, of_other) =
        (played(&mut one_page, &one, 400, 20).await, played(&mut other_page, &other, 900, 20).await);
    tone::assert_is(&tone::decoded(of_one.iter().map(|played| &played.data[..])), 400);
    tone::assert_is(&tone::decoded(of_other.iter().map(|played| &played.data[..])), 900);
    assert!(one.trunk.heard.try_recv().is_err() && other.trunk.heard.try_recv().is_err());
    assert!(one_page.loudspeaker.try_recv().is_err() && other_page.loudspeaker.try_recv().is_err());
}

#[tokio::test]
async fn a_page_that_only_listens_hears() {
    let exchange = exchange();
    let (mut page, leg) = joined(&exchange, Direction::RecvOnly).await;
    assert!(leg.answer.contains("a=sendonly"));
    let played = played(&mut page, &leg, 500, 20).await;
    tone::assert_is(&tone::decoded(played.iter().map(|played| &played.data[..])), 500);
}

#[tokio::test]
async fn a_page_that_only_speaks_is_heard_and_what_is_said_to_it_goes_nowhere() {
    let exchange = exchange();
    let (page, mut leg) = joined(&exchange, Direction::SendOnly).await;
    assert!(leg.answer.contains("a=recvonly"));
    leg.trunk.said.send(Bytes::from_static(b"\x08nobody")).await.unwrap();
    let heard = spoken(&page, &mut leg, 600, 50).await;
    tone::assert_is(&tone::decoded(heard.iter().map(|heard| &heard.data[..])), 600);
    assert_eq!(leg.control.stats().packets_sent, 0);
}

#[tokio::test]
async fn what_goes_through_is_counted() {
    let exchange = exchange();
    let (mut page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    let heard = spoken(&page, &mut leg, 440, 10).await;
    let played = played(&mut page, &leg, 440, 5).await;
    let bytes = |sizes: Vec<usize>| sizes.iter().sum::<usize>() as u64;
    // Round trips are measured every few seconds.
    let measured = async {
        while leg.control.stats().remote.is_none() {
            tokio::task::yield_now().await;
        }
    };
    within(measured).await;
    let stats = leg.control.stats();
    assert_eq!((stats.packets_received, stats.packets_sent, stats.packets_lost), (10, 5, 0));
    assert_eq!(stats.bytes_received, bytes(heard.iter().map(|heard| heard.data.len()).collect()));
    assert_eq!(stats.bytes_sent, bytes(played.iter().map(|played| played.data.len()).collect()));
    assert_eq!(stats.remote, Some(AddressKind::Host));
    assert!(stats.round_trip.is_some());
}

#[tokio::test]
async fn a_line_that_does_not_listen_loses_packets_and_nothing_else() {
    let exchange = exchange();
    let (page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    for (index, packet) in tone::packets(440, 20, 200).into_iter().enumerate() {
        page.microphone.send((960 * index as u32, packet)).await.unwrap();
        within(async {
            while leg.control.stats().packets_received <= index as u64 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let waiting = std::iter::from_fn(|| leg.trunk.heard.try_recv().ok()).count();
    assert!((1..200).contains(&waiting), "{waiting} packets waited");
    let heard = spoken(&page, &mut leg, 440, 1).await;
    assert_eq!(heard.len(), 1);
}
