//! Floods over loopback, against a receiver that is slow at first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, TcpListener};
use std::thread;
use std::time::Duration;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flood: FloodArgs,
}

/// Floods with these arguments; the messages of each connection, cut at line
/// feeds. The receiver takes nothing for the time of `delay`.
fn flood(arguments: &str, connections: usize, delay: Duration) -> BTreeMap<String, Vec<String>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let receiver = thread::spawn(move || {
        let readers: Vec<_> = (0..connections)
            .map(|_| {
                let (mut socket, _) = listener.accept().unwrap();
                thread::spawn(move || {
                    thread::sleep(delay);
                    let mut text = String::new();
                    socket.read_to_string(&mut text).unwrap();
                    text
                })
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .collect::<Vec<_>>()
    });
    let words = ["flood", "--quiet", &target];
    let args = Cli::parse_from(words.into_iter().chain(arguments.split_whitespace())).flood;
    let code = run(args).unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    let mut streams = BTreeMap::new();
    for text in receiver.join().unwrap() {
        assert!(text.ends_with('\n'), "the last message is cut");
        let lines: Vec<String> = text.lines().map(String::from).collect();
        let start = lines[0].find("conn=").unwrap();
        streams.insert(lines[0][start..start + 9].to_string(), lines);
    }
    streams
}

fn assert_numbered(streams: &BTreeMap<String, Vec<String>>, message_bytes: usize) {
    for (connection, lines) in streams {
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(line.len(), message_bytes);
            assert!(
                line.contains(&format!(" {connection} seq={index:010} ")),
                "{line}"
            );
        }
    }
}

#[test]
fn count_is_shared_by_the_connections() {
    let streams = flood("-c 3 -n 100001 --threads 2", 3, Duration::from_millis(50));
    let counts: Vec<usize> = streams.values().map(Vec::len).collect();
    assert_eq!(counts, [33_334, 33_334, 33_333]);
    assert_numbered(&streams, 150);
}

#[test]
fn small_writes() {
    let streams = flood(
        "-c 2 -n 5000 --batch 7 --first-connection 40 --size 99",
        2,
        Duration::ZERO,
    );
    assert!(streams.keys().eq(["conn=0040", "conn=0041"]));
    assert_numbered(&streams, 99);
}

#[test]
fn time_is_over_at_a_message_boundary() {
    let streams = flood("-c 2 -d 0.2 --timed", 2, Duration::from_millis(300));
    assert_numbered(&streams, 150);
}

#[test]
fn rate_reaches_the_count_in_spite_of_a_stall() {
    let streams = flood(
        "-c 3 -n 200000 --rate 1000000 --timed --threads 1",
        3,
        Duration::from_millis(300),
    );
    assert_eq!(streams.values().map(Vec::len).sum::<usize>(), 200_000);
    assert_numbered(&streams, 150);
}

/// What one connection brought.
struct Received {
    from: IpAddr,
    text: String,
}

/// Runs the command against a receiver that reads each of `connections` to its
/// end, one after the other.
fn receive(arguments: &str, connections: usize) -> (ExitCode, Vec<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let receiver = thread::spawn(move || {
        let accept = |_| {
            let (mut socket, from) = listener.accept().unwrap();
            let mut text = String::new();
            socket.read_to_string(&mut text).unwrap();
            let from = from.ip();
            Received { from, text }
        };
        (0..connections).map(accept).collect::<Vec<_>>()
    });
    let words = ["flood", "--quiet", &target];
    let args = Cli::parse_from(words.into_iter().chain(arguments.split_whitespace())).flood;
    let code = run(args).unwrap();
    (code, receiver.join().unwrap())
}

#[test]
fn connections_are_renewed_after_their_messages() {
    let (code, received) = receive("-c 4 -n 100 --threads 1 --per-connection 7", 15);
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    let counts: Vec<usize> = received
        .iter()
        .map(|connection| connection.text.lines().count())
        .collect();
    let mut expected = [7; 15];
    expected[14] = 2;
    assert_eq!(counts, expected);
    let lines = received
        .iter()
        .flat_map(|connection| connection.text.lines());
    let streams = BTreeMap::from([("conn=0000".to_owned(), lines.map(String::from).collect())]);
    assert_numbered(&streams, 150);
    let sources: BTreeSet<IpAddr> = received.iter().map(|connection| connection.from).collect();
    assert_eq!(sources.len(), 15);
}

#[test]
fn a_renewed_connection_that_is_not_read_to_its_end_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    // With bytes unread, a close is a reset.
    let receiver = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.read_exact(&mut [0; 10]).unwrap();
    });
    let words = [
        "flood",
        "--quiet",
        &target,
        "-n",
        "1",
        "--per-connection",
        "1",
    ];
    let code = run(Cli::parse_from(words).flood).unwrap();
    receiver.join().unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
}

#[test]
fn idle_connections_are_held_and_send_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let receiver = thread::spawn(move || {
        let sockets: Vec<_> = (0..50).map(|_| listener.accept().unwrap().0).collect();
        // Those that are not held would be closed by now.
        thread::sleep(Duration::from_millis(300));
        for mut socket in &sockets {
            socket.set_nonblocking(true).unwrap();
            let error = socket.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
        for mut socket in &sockets {
            socket.set_nonblocking(false).unwrap();
            assert_eq!(socket.read(&mut [0]).unwrap(), 0);
        }
    });
    let words = "flood --quiet --connections 50 --idle --duration 2";
    let args = Cli::parse_from(words.split(' ').chain([target.as_str()])).flood;
    let code = run(args).unwrap();
    receiver.join().unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
}

#[test]
fn idle_connections_are_opened_at_their_rate() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let words = "flood --quiet --connections 20 --idle --rate 100 --duration 0";
    let args = Cli::parse_from(words.split(' ').chain([target.as_str()])).flood;
    let started = Instant::now();
    run(args).unwrap();
    // The first one at once, and none of the others before its time.
    assert!(started.elapsed() >= Duration::from_millis(190));
    for _ in 0..20 {
        listener.accept().unwrap();
    }
}
