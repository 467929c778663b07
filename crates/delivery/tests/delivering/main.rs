//! Deliveries as a receiver sees them. The receiver hands each request to the test, which decides the answer, so what is
//! in flight is known at every moment and nothing depends on time.

mod fixture;
mod guarding;
mod order;
mod receiver;
mod retrying;
