//! What a peer does to its connection.

use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

/// Ends a connection by RST.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}
