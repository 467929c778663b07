//! Asking WhatsApp what is in the orders that come in, before they are recorded.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wago_contract::event::OrderDetails;
use waproto::whatsapp as wa;
use whatsapp_rust::Client;

use crate::adapter::order;

/// For all orders of one batch: until then the messages behind them wait. What is not answered is told without.
const ASKING_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Orders {
    until: Instant,
}

impl Orders {
    /// Of a batch that begins now.
    pub fn begin() -> Self {
        Self { until: Instant::now() + ASKING_MAX }
    }

    /// What is in the order that the message is. `None`: it is none, or WhatsApp does not say.
    pub async fn details(&self, client: &Client, message: &wa::Message) -> Option<OrderDetails> {
        let question = order::question(message)?;
        let answer = timeout_at(self.until, client.send_iq_node(question, Some(ASKING_MAX))).await;
        match answer {
            Ok(Ok(answer)) => order::read(answer.get()),
            Ok(Err(_)) => {
                tracing::info!("WhatsApp does not say what is in an order");
                None
            }
            Err(_) => {
                tracing::info!("WhatsApp did not say in time what is in an order");
                None
            }
        }
    }
}
