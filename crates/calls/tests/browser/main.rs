//! Browsers' legs as a page sees them: real sockets, on the loopback interface.

mod ending;
mod finding;
mod offering;
mod page;
mod seeing;
mod sounding;
mod tone;
mod viewer;

use std::net::{IpAddr, Ipv4Addr};

use page::{Beside, Offering, Page, within};
use str0m::media::Direction;
use wago_calls::webrtc::{Exchange, Leg, LegState, Options};

fn exchange() -> Exchange {
    exchange_with(Vec::new())
}

fn exchange_with(stun: Vec<String>) -> Exchange {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Exchange::open(Options { address, ports: 0..=0, public: Vec::new(), stun }).unwrap()
}

/// A page and its leg, both connected.
async fn joined(exchange: &Exchange, direction: Direction) -> (Page, Leg) {
    let offering = Offering::new(direction, Beside::Nothing).await;
    let mut leg = exchange.answer(&offering.offer).unwrap();
    let mut page = offering.accept(&leg.answer);
    page.is_connected().await;
    reaches(&mut leg, LegState::Connected).await;
    (page, leg)
}

async fn reaches(leg: &mut Leg, state: LegState) {
    within(leg.state.wait_for(|now| *now == state)).await.unwrap();
}
