//! Offers, and what is answered.

use str0m::media::Direction;
use wago_calls::webrtc::{LegState, OfferError};

use crate::{
    exchange,
    page::{Beside, Offering},
    reaches,
};

#[tokio::test]
async fn video_and_data_are_refused_and_the_audio_connects() {
    let exchange = exchange();
    let offering = Offering::new(Direction::SendRecv, Beside::VideoAndData).await;
    let mut leg = exchange.answer(&offering.offer).unwrap();
    let sections: Vec<_> = leg
        .answer
        .lines()
        .filter_map(|line| line.strip_prefix("m="))
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>())
        .collect();
    // The page's engine puts sections in an order of its own.
    for section in &sections {
        assert_eq!(section[1] == "0", section[0] != "audio", "{sections:?}");
    }
    assert_eq!(sections.len(), 3);
    let mut page = offering.accept(&leg.answer);
    page.is_connected().await;
    reaches(&mut leg, LegState::Connected).await;
}

#[tokio::test]
async fn an_answer_has_opus_in_mono_and_all_candidates() {
    let exchange = exchange();
    let offering = Offering::new(Direction::SendRecv, Beside::Nothing).await;
    let answer = exchange.answer(&offering.offer).unwrap().answer;
    let has = |line: &str| answer.lines().any(|have| have == line);
    assert!(has("a=rtpmap:111 opus/48000/2") && has("a=sendrecv") && has("a=rtcp-mux"), "{answer}");
    assert!(has("a=fmtp:111 minptime=10;stereo=0;useinbandfec=1"), "{answer}");
    assert!(has("a=maxptime:60") && has("a=end-of-candidates"), "{answer}");
    assert!(!answer.contains("a=ice-lite"), "{answer}");
    let port = format!(" 127.0.0.1 {} typ host", exchange.port());
    assert_eq!(
        answer.lines().filter(|line| line.starts_with("a=candidate:") && line.contains(&port)).count(),
        1,
        "{answer}"
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_a_reason() {
    let exchange = exchange();
    let offer = Offering::new(Direction::SendRecv, Beside::Nothing).await.offer;
    let without = |prefix: &str| -> String {
        offer.lines().filter(|line| !line.starts_with(prefix)).map(|line| format!("{line}\r\n")).collect()
    };
    let refused = |offer: &str| exchange.answer(offer).err().unwrap();
    assert_eq!(refused("hello"), OfferError::NotSdp);
    assert_eq!(refused(&without("m=audio")), OfferError::NoAudio);
    assert_eq!(refused(&without("a=rtpmap:111")), OfferError::NoOpus);
    for (prefix, reason) in [("a=ice-ufrag", "ice-ufrag"), ("a=fingerprint", "fingerprint"), ("t=", "")] {
        let error = refused(&without(prefix));
        assert!(matches!(&error, OfferError::Unusable(why) if why.contains(reason)), "{prefix}: {error}");
    }
}

#[tokio::test]
async fn every_line_of_an_offer_may_be_missing_or_broken() {
    let exchange = exchange();
    let offer = Offering::new(Direction::SendRecv, Beside::VideoAndData).await.offer;
    let lines: Vec<_> = offer.lines().collect();
    for index in 0..lines.len() {
        let missing = [&lines[..index], &lines[index + 1..]].concat().join("\r\n");
        let broken =
            [&lines[..index], &[&lines[index][..lines[index].len() / 2]], &lines[index + 1..]].concat().join("\r\n");
        for offer in [missing, broken] {
            // Answered or refused, either is well, as long as nothing panics.
            let _ = exchange.answer(&offer);
        }
    }
}
