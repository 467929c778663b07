//! What is shown is seen, both ways.

use std::sync::atomic::Ordering;

use str0m::media::Direction;
use wago_calls::{
    picture::{Picture, Pictures},
    webrtc::{Exchange, Leg, LegState},
};

use crate::{
    exchange,
    page::within,
    reaches,
    viewer::{Preparing, Viewer},
};

/// A picture of so many bytes, which are unlike those of others.
fn picture(key: bool, number: u8, size: usize) -> Vec<u8> {
    let head: &[u8] = if key {
        &[0, 0, 0, 1, 0x67, 0x42, 0xE0, 0x1F, 0x8C, 0, 0, 0, 1, 0x68, 0xCE, 0x3C, 0x80, 0, 0, 0, 1, 0x65]
    } else {
        &[0, 0, 0, 1, 0x41]
    };
    let body = (0..size).map(|at| (at as u8).wrapping_mul(31).wrapping_add(number) | 1);
    head.iter().copied().chain(body).collect()
}

/// A key frame and what is drawn on it, small and large.
fn film(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| picture(number % 10 == 0, number as u8, 40 + 937 * (number % 7))).collect()
}

/// A page and its leg, both connected, and the line's end of the picture.
async fn watching(exchange: &Exchange, direction: Direction) -> (Viewer, Leg, Pictures) {
    let preparing = Preparing::new(direction, true).await;
    let mut leg = exchange.answer_video(&preparing.offer).unwrap();
    let viewer = preparing.accept(&leg.answer).await;
    reaches(&mut leg, LegState::Connected).await;
    let pictures = leg.picture.take().expect("a picture");
    (viewer, leg, pictures)
}

async fn show(viewer: &Viewer, pictures: &mut Pictures, shot: Vec<u8>) {
    viewer.camera.send(shot.clone()).await.unwrap();
    let seen = within(pictures.seen.next()).await.expect("the leg goes on");
    assert!(seen.0 == shot, "{} bytes of {}", seen.0.len(), shot.len());
}

#[tokio::test]
async fn pictures_come_out_as_they_went_in_both_ways() {
    let exchange = exchange();
    let (mut viewer, _leg, mut pictures) = watching(&exchange, Direction::SendRecv).await;
    for shot in film(40) {
        show(&viewer, &mut pictures, shot).await;
    }
    let mut before = None;
    for shot in film(40) {
        assert!(pictures.shown.show(Picture(shot.clone().into())));
        let shown = viewer.see().await;
        assert!(shown.data == shot, "{} bytes of {}", shown.data.len(), shot.len());
        assert!(before <= Some(shown.time), "time goes on");
        before = Some(shown.time);
    }
}

#[tokio::test]
async fn a_lost_packet_is_sent_again() {
    let exchange = exchange();
    let (viewer, _leg, mut pictures) = watching(&exchange, Direction::SendRecv).await;
    for shot in film(5) {
        show(&viewer, &mut pictures, shot).await;
    }
    viewer.lose.store(1, Ordering::SeqCst);
    viewer.camera.send(picture(false, 5, 5_000)).await.unwrap();
    // That it is missing shows by what comes after it.
    viewer.camera.send(picture(false, 6, 100)).await.unwrap();
    for expected in [picture(false, 5, 5_000), picture(false, 6, 100)] {
        assert!(within(pictures.seen.next()).await.unwrap().0 == expected);
    }
    assert_eq!(viewer.lose.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_picture_that_never_comes_breaks_the_row_until_a_key_frame_that_is_asked_for() {
    let exchange = exchange();
    let (mut viewer, _leg, mut pictures) = watching(&exchange, Direction::SendRecv).await;
    show(&viewer, &mut pictures, picture(true, 0, 100)).await;
    while viewer.asked.try_recv().is_ok() {}
    // Neither it nor what is sent again of it.
    viewer.lose.store(usize::MAX, Ordering::SeqCst);
    viewer.camera.send(picture(false, 1, 2_000)).await.unwrap();
    let asked = async {
        let mut number = 2;
        loop {
            tokio::select! {
                biased;
                asked = viewer.asked.recv() => return asked.unwrap(),
                sent = viewer.camera.send(picture(false, number, 100)) => sent.unwrap(),
            }
            number = number.wrapping_add(1);
            tokio::task::yield_now().await;
        }
    };
    within(asked).await;
    viewer.camera.send(picture(true, 77, 100)).await.unwrap();
    let seen = within(pictures.seen.next()).await.unwrap();
    assert!(seen.0 == picture(true, 77, 100), "nothing comes before the key frame");
}

#[tokio::test]
async fn both_ends_may_ask_for_a_key_frame() {
    let exchange = exchange();
    let (mut viewer, _leg, mut pictures) = watching(&exchange, Direction::SendRecv).await;
    show(&viewer, &mut pictures, picture(true, 0, 100)).await;
    while viewer.asked.try_recv().is_ok() {}
    pictures.seen.wish().key();
    within(viewer.asked.recv()).await.unwrap();
    // Whoever comes wants one; then it was said.
    within(pictures.shown.wanted()).await;
    pictures.shown.show(Picture(picture(true, 1, 100).into()));
    viewer.see().await;
    viewer.ask.send(()).await.unwrap();
    within(pictures.shown.wanted()).await;
}

#[tokio::test]
async fn a_page_that_only_looks_sees_and_the_row_begins_with_a_key_frame() {
    let exchange = exchange();
    let (mut viewer, leg, mut pictures) = watching(&exchange, Direction::RecvOnly).await;
    assert!(leg.answer.contains("a=sendonly"), "{}", leg.answer);
    pictures.shown.show(Picture(picture(false, 9, 100).into()));
    pictures.shown.show(Picture(picture(true, 1, 9_000).into()));
    assert!(viewer.see().await.data == picture(true, 1, 9_000));
}

#[tokio::test]
async fn a_leg_goes_on_without_its_picture() {
    let exchange = exchange();
    let (mut viewer, mut leg, pictures) = watching(&exchange, Direction::SendRecv).await;
    drop(pictures);
    viewer.camera.send(picture(true, 0, 3_000)).await.unwrap();
    assert_eq!(*leg.state.borrow(), LegState::Connected);
    drop(leg.trunk);
    viewer.is_closed().await;
    within(leg.state.wait_for(|state| *state == LegState::Closed)).await.unwrap();
}

#[tokio::test]
async fn a_picture_is_declined_without_h264_and_where_none_is_wanted() {
    let exchange = exchange();
    for (h264, wanted) in [(false, true), (true, false)] {
        let preparing = Preparing::new(Direction::SendRecv, h264).await;
        let answered = if wanted { exchange.answer_video(&preparing.offer) } else { exchange.answer(&preparing.offer) };
        let mut leg = answered.unwrap();
        assert!(leg.picture.is_none() && leg.answer.contains("m=video 0 "), "{}", leg.answer);
        preparing.accept(&leg.answer).await;
        reaches(&mut leg, LegState::Connected).await;
    }
}
