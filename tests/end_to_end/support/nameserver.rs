//! A nameserver that knows the names of some addresses (RFC 1035).

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Namespace;

/// Bytes before the question.
const HEADER: usize = 12;

/// Of a question for a name: PTR in the class of the Internet.
const PTR_IN: [u8; 4] = [0, 12, 0, 1];

/// A nameserver on a namespace's loopback, ended when the value goes away.
pub struct Nameserver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    names: BTreeMap<Ipv4Addr, String>,
    /// How often each name of the in-addr.arpa tree was asked for.
    queries: Mutex<HashMap<String, usize>>,
    is_silent: AtomicBool,
    is_ending: AtomicBool,
}

impl Nameserver {
    /// Starts it, and has programs in the namespace use it.
    pub fn start(namespace: &Namespace, names: &[(Ipv4Addr, &str)]) -> Nameserver {
        // The longest time that resolv.conf(5) allows: who gives up early must
        // have a reason of its own.
        let text = "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n";
        namespace.etc("resolv.conf", text);
        let socket = namespace.enter(|| UdpSocket::bind("127.0.0.1:53").unwrap());
        socket
            .set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        let names = names.iter();
        let shared = Arc::new(Shared {
            names: names
                .map(|(address, name)| (*address, (*name).to_owned()))
                .collect(),
            ..Shared::default()
        });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&socket, &shared)
        });
        Nameserver {
            shared,
            thread: Some(thread),
        }
    }

    /// Queries for the name of an address so far.
    pub fn queries(&self, address: Ipv4Addr) -> usize {
        let queries = self.shared.queries.lock().unwrap();
        queries.get(&reverse(address)).copied().unwrap_or_default()
    }

    /// All queries so far.
    pub fn all_queries(&self) -> usize {
        self.shared.queries.lock().unwrap().values().sum()
    }

    /// Whether it answers: queries that come meanwhile are answered when it
    /// does again.
    pub fn be_silent(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::Release);
    }
}

impl Drop for Nameserver {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || std::thread::panicking());
        }
    }
}

fn serve(socket: &UdpSocket, shared: &Shared) {
    let mut waiting: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
    let mut bytes = [0; 512];
    while !shared.is_ending.load(Ordering::Acquire) {
        // Nothing within the timeout.
        if let Ok((len, from)) = socket.recv_from(&mut bytes) {
            let mut queries = shared.queries.lock().unwrap();
            *queries.entry(asked(&bytes[..len]).0).or_default() += 1;
            waiting.push((from, bytes[..len].to_vec()));
        }
        if !shared.is_silent.load(Ordering::Acquire) {
            for (from, query) in waiting.drain(..) {
                // Who asked may be gone.
                let _ = socket.send_to(&answer(&query, &shared.names), from);
            }
        }
    }
}

/// The name in a query, and where the question ends.
fn asked(query: &[u8]) -> (String, usize) {
    let mut at = HEADER;
    let mut labels = Vec::new();
    while query[at] != 0 {
        let len = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..][..len]).into_owned());
        at += 1 + len;
    }
    (labels.join("."), at + 1 + PTR_IN.len())
}

fn answer(query: &[u8], names: &BTreeMap<Ipv4Addr, String>) -> Vec<u8> {
    let (question, end) = asked(query);
    let mut names = names.iter();
    let name = names.find(|(address, _)| reverse(**address) == question);
    let name = name.filter(|_| query[end - PTR_IN.len()..end] == PTR_IN);
    let mut answer = query[..end].to_vec();
    // An answer, recursive as it was asked for; NXDOMAIN or none.
    answer[2] |= 0x80;
    answer[3] = if name.is_some() { 0x80 } else { 0x83 };
    // One question, an answer if there is one, nothing else.
    answer[4..HEADER].copy_from_slice(&[0, 1, 0, name.is_some().into(), 0, 0, 0, 0]);
    if let Some((_, name)) = name {
        // The name of the question, for 60 s.
        answer.extend([0xc0, HEADER as u8]);
        answer.extend(PTR_IN);
        answer.extend([0, 0, 0, 60]);
        let labels = name.split('.');
        let data: Vec<u8> = labels
            .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
            .chain([0])
            .collect();
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    answer
}

/// The name whose PTR record has the name of an address.
fn reverse(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}
