//! How a leg ends, and who is told.

use std::time::Duration;

use str0m::media::Direction;
use tokio::time::{self, Instant};
use wago_calls::webrtc::{CandidateError, LegState};

use crate::{
    exchange, joined,
    page::{Beside, Offering, within},
    reaches,
};

#[tokio::test]
async fn a_page_is_told_when_the_line_hears_no_more() {
    let exchange = exchange();
    let (mut page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    drop(leg.trunk.heard);
    page.is_closed().await;
    within(leg.state.wait_for(|state| *state == LegState::Closed)).await.unwrap();
}

#[tokio::test]
async fn a_page_is_told_when_the_line_says_no_more() {
    let exchange = exchange();
    let (mut page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    drop(leg.trunk.said);
    page.is_closed().await;
    assert!(within(leg.trunk.heard.recv()).await.is_none());
}

#[tokio::test]
async fn a_leg_may_be_closed_from_elsewhere_and_takes_no_candidates_then() {
    let exchange = exchange();
    let (mut page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    let control = leg.control.clone();
    control.close().await;
    page.is_closed().await;
    reaches(&mut leg, LegState::Closed).await;
    control.close().await;
    for candidate in ["candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host", ""] {
        assert_eq!(within(ended(&control, candidate)).await, CandidateError::Ended);
    }
}

/// The leg says that it is closed a moment before its queue is gone.
async fn ended(control: &wago_calls::webrtc::LegControl, candidate: &str) -> CandidateError {
    loop {
        match control.add_candidate(candidate) {
            Err(error) => return error,
            Ok(()) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn the_line_is_told_when_the_page_leaves() {
    let exchange = exchange();
    let (page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    page.leave.send(()).await.unwrap();
    assert!(within(leg.trunk.heard.recv()).await.is_none());
    reaches(&mut leg, LegState::Closed).await;
    within(leg.trunk.said.closed()).await;
}

#[tokio::test]
async fn without_the_exchange_there_are_no_legs() {
    let exchange = exchange();
    let (mut page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    drop(exchange);
    page.is_closed().await;
    reaches(&mut leg, LegState::Closed).await;
}

#[tokio::test]
async fn a_page_that_never_comes_is_waited_for_so_long() {
    let exchange = exchange();
    let offer = Offering::new(Direction::SendRecv, Beside::Nothing).await.offer;
    time::pause();
    let start = Instant::now();
    let mut leg = exchange.answer(&offer).unwrap();
    reaches(&mut leg, LegState::Closed).await;
    let waited = start.elapsed();
    assert!((30..33).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_page_that_is_lost_is_waited_for_so_long() {
    let exchange = exchange();
    let (page, mut leg) = joined(&exchange, Direction::SendRecv).await;
    page.task.abort();
    time::pause();
    time::timeout(Duration::from_secs(600), leg.state.wait_for(|state| *state == LegState::Connecting))
        .await
        .unwrap()
        .unwrap();
    let start = Instant::now();
    reaches(&mut leg, LegState::Closed).await;
    let waited = start.elapsed();
    assert!((30..33).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_leg_that_has_ended_leaves_its_place_to_others() {
    let exchange = exchange();
    for _ in 0..3 {
        let (mut page, leg) = joined(&exchange, Direction::SendRecv).await;
        drop(leg);
        page.is_closed().await;
    }
}
