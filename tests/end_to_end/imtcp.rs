//! The module imtcp: the listener by its other names, beside the distribution's
//! rsyslog where that has the same.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::{
    Daemon, Nameserver, Namespace, Scratch, Setup, connections, to_file, wait_for, wait_for_text,
};

/// The messages of the listeners under test, in both daemons.
const RULESET: &str = "template(name=\"Named\" type=\"string\" \
                       string=\"%inputname%|%fromhost%|%rawmsg%\\n\")\n\
                       ruleset(name=\"tcp\") {\n\
                       action(type=\"omfile\" file=\"{dir}/tcp.log\" template=\"Named\")\n}\n";

/// A daemon in a namespace whose loopback only it has, because the directives
/// cannot say an address.
fn setup(namespace: &Namespace, statements: &str) -> Setup {
    Setup::new(to_file("{dir}/out.log", "RSYSLOG_FileFormat", ""))
        .namespace(namespace)
        .input("name=\"other\"")
        .statements(format!("{RULESET}{statements}"))
}

/// A connection from one of the loopback's addresses to the port in a file.
fn connect(namespace: &Namespace, scratch: &Scratch, file: &str, from: Ipv4Addr) -> TcpStream {
    let port = wait_for("the listener's port", || {
        let text = std::fs::read_to_string(scratch.join(file)).ok()?;
        text.trim().parse().ok()
    });
    namespace.enter(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SockAddr::from(SocketAddrV4::new(from, 0)))
            .unwrap();
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        socket.connect(&SockAddr::from(to)).unwrap();
        socket.into()
    })
}

fn text(scratch: &Scratch) -> String {
    String::from_utf8(scratch.read("tcp.log")).unwrap()
}

/// The table of connections to a listener.
fn connections_of(scratch: &Scratch, listener: &str) -> Vec<Value> {
    let mut table = connections(scratch, &[]);
    table.retain(|connection| connection["listener"] == listener);
    table
}

/// What is framed in another way by each of the parameters below.
const STREAM: &[u8] = b"<13>a;b\n7 <13>x\ny<13>c\nd;5 <13>z;<13>end";

/// What both daemons write of [`STREAM`] on two listeners, one after the other.
#[track_caller]
fn same_as_rsyslog(statements: &str) -> String {
    let run = |start: fn(&Setup, &Scratch) -> Daemon| {
        let namespace = Namespace::alone();
        let scratch = Scratch::new();
        let daemon = start(&setup(&namespace, statements), &scratch);
        for file in ["first", "second"] {
            let mut stream = connect(&namespace, &scratch, file, Ipv4Addr::LOCALHOST);
            stream.write_all(STREAM).unwrap();
            stream.shutdown(std::net::Shutdown::Both).unwrap();
            wait_for("its last message", || {
                let text = std::fs::read_to_string(scratch.join("tcp.log")).ok()?;
                let last = text.lines().last()?;
                (last.starts_with(file) && last.ends_with("<13>end")).then_some(())
            });
        }
        daemon.stop();
        text(&scratch)
    };
    let ours = run(Setup::splashdam);
    assert_eq!(ours, run(Setup::rsyslog));
    ours
}

const FIRST: &str = "first|127.0.0.1|<13>a;b\n\
                     first|127.0.0.1|<13>x#012y\n\
                     first|127.0.0.1|<13>c\n\
                     first|127.0.0.1|d;5 <13>z;<13>end\n";

const SECOND: &str = "second|127.0.0.1|<13>a\n\
                      second|127.0.0.1|b#0127 <13>x#012y<13>c#012d\n\
                      second|127.0.0.1|5 <13>z\n\
                      second|127.0.0.1|<13>end\n";

#[test]
fn inputs_are_those_of_rsyslog() {
    let text = same_as_rsyslog(
        "module(load=\"imtcp\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" name=\"first\" ruleset=\"tcp\" \
         listenPortFileName=\"{dir}/first\" flowControl=\"on\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" name=\"second\" ruleset=\"tcp\" \
         listenPortFileName=\"{dir}/second\" addtlFrameDelimiter=\"59\" \
         disableLFDelimiter=\"on\" supportOctetCountedFraming=\"off\" maxSessions=\"5\")\n",
    );
    assert_eq!(text, [FIRST, SECOND].concat());
}

#[test]
fn directives_are_those_of_rsyslog() {
    let text = same_as_rsyslog(
        "$ModLoad imtcp\n\
         $InputTCPServerBindRuleset tcp\n\
         $InputTCPServerInputName first\n\
         $InputTCPServerListenPortFile {dir}/first\n\
         $InputTCPFlowControl on\n\
         $InputTCPServerRun 0\n\
         $InputTCPServerInputName second\n\
         $InputTCPServerListenPortFile {dir}/second\n\
         $InputTCPServerAddtlFrameDelimiter 59\n\
         $InputTCPServerDisableLFDelimiter on\n\
         $InputTCPServerSupportOctetCountedFraming off\n\
         $InputTCPMaxSessions 5\n\
         $InputTCPServerRun 0\n",
    );
    assert_eq!(text, [FIRST, SECOND].concat());
}

#[test]
fn what_the_module_says_is_inherited_as_in_rsyslog() {
    let text = same_as_rsyslog(
        "module(load=\"imtcp\" addtlFrameDelimiter=\"59\" disableLFDelimiter=\"on\" \
         octetCountedFraming=\"off\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" name=\"first\" ruleset=\"tcp\" \
         listenPortFileName=\"{dir}/first\" disableLFDelimiter=\"off\" \
         supportOctetCountedFraming=\"on\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" name=\"second\" ruleset=\"tcp\" \
         listenPortFileName=\"{dir}/second\")\n",
    );
    let first = "first|127.0.0.1|<13>a\n\
                 first|127.0.0.1|b\n\
                 first|127.0.0.1|<13>x#012y\n\
                 first|127.0.0.1|<13>c\n\
                 first|127.0.0.1|d\n\
                 first|127.0.0.1|<13>z\n\
                 first|127.0.0.1|<13>end\n";
    assert_eq!(text, [first, SECOND].concat());
}

/// What the kernel does about a silent peer of each listener.
#[track_caller]
fn keep_alive(statements: &str, files: [&str; 2]) -> [Value; 2] {
    let namespace = Namespace::alone();
    for parameter in ["time", "intvl", "probes"] {
        namespace.set(&format!("ipv4/tcp_keepalive_{parameter}"), "99");
    }
    let scratch = Scratch::new();
    let daemon = setup(&namespace, statements).splashdam(&scratch);
    let found = files.map(|file| {
        let _open = connect(&namespace, &scratch, file, Ipv4Addr::LOCALHOST);
        wait_for("the connection to be accepted", || {
            connections_of(&scratch, file).pop()
        })["keep_alive"]
            .clone()
    });
    daemon.stop();
    found
}

fn kernel_does(on: bool, time: u32, interval: u32, probes: u32) -> Value {
    json!({
        "on": on, "time_seconds": time, "interval_seconds": interval, "probes": probes,
        "user_timeout_ms": 0
    })
}

#[test]
fn keepalive_of_the_module_is_that_of_its_listeners() {
    let found = keep_alive(
        "module(load=\"imtcp\" keepAlive=\"off\" keepAlive.time=\"7\" keepAlive.probes=\"3\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" name=\"inherits\" \
         listenPortFileName=\"{dir}/inherits\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" name=\"says\" \
         listenPortFileName=\"{dir}/says\" keepAlive=\"on\" keepAlive.time=\"8\")\n",
        ["inherits", "says"],
    );
    let expected = [kernel_does(false, 7, 99, 3), kernel_does(true, 8, 99, 3)];
    assert_eq!(found, expected);
}

#[test]
fn keepalive_of_directives_is_that_of_the_listeners_that_follow() {
    let found = keep_alive(
        "$ModLoad imtcp\n\
         $InputTCPServerKeepAlive_time 7\n\
         $InputTCPServerKeepAlive_intvl 6\n\
         $InputTCPServerInputName one\n$InputTCPServerListenPortFile {dir}/one\n\
         $InputTCPServerRun 0\n\
         $InputTCPServerKeepAlive off\n\
         $InputTCPServerKeepAlive_probes 3\n\
         $InputTCPServerInputName two\n$InputTCPServerListenPortFile {dir}/two\n\
         $InputTCPServerRun 0\n",
        ["one", "two"],
    );
    let expected = [kernel_does(true, 7, 6, 99), kernel_does(false, 7, 6, 3)];
    assert_eq!(found, expected);
}

#[test]
fn the_201st_connection_is_refused() {
    let namespace = Namespace::alone();
    let scratch = Scratch::new();
    let statements = "module(load=\"imtcp\")\n\
                      input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" ruleset=\"tcp\" \
                      listenPortFileName=\"{dir}/imtcp\")\n";
    let daemon = setup(&namespace, statements).splashdam(&scratch);
    let connect = || connect(&namespace, &scratch, "imtcp", Ipv4Addr::LOCALHOST);
    let mut open: Vec<TcpStream> = (0..200).map(|_| connect()).collect();
    // The last one is served.
    open[199].write_all(b"<13>the last\n").unwrap();
    wait_for_text(&scratch.join("tcp.log"), "imtcp|127.0.0.1|<13>the last");
    let mut refused = connect();
    refused
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    assert_eq!(refused.read(&mut [0]).unwrap(), 0, "it is closed");
    let accounts = daemon.accounts();
    assert_eq!(accounts.listener("imtcp", "connections"), 200);
    assert_eq!(accounts.listener("imtcp", "refused"), 1);
    daemon.stop();
}

#[test]
fn names_lose_their_capitals_where_that_is_asked_for() {
    const MIXED: Ipv4Addr = Ipv4Addr::new(127, 7, 0, 1);
    let statements = "module(load=\"imtcp\" preserveCase=\"off\")\n\
                      input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" ruleset=\"tcp\" \
                      name=\"lower\" listenPortFileName=\"{dir}/lower\")\n\
                      input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" ruleset=\"tcp\" \
                      name=\"mixed\" listenPortFileName=\"{dir}/mixed\" preserveCase=\"on\")\n";
    let run = |start: fn(&Setup, &Scratch) -> Daemon| {
        let namespace = Namespace::alone();
        let _nameserver = Nameserver::start(&namespace, &[(MIXED, "Mixed.Case.Example.COM")]);
        let scratch = Scratch::new();
        let daemon = start(&setup(&namespace, statements).resolve_names(), &scratch);
        for file in ["lower", "mixed"] {
            let mut stream = connect(&namespace, &scratch, file, MIXED);
            stream.write_all(b"<13>Tag: Text\n").unwrap();
            wait_for_text(&scratch.join("tcp.log"), &format!("{file}|"));
        }
        daemon.stop();
        text(&scratch)
    };
    let ours = run(Setup::splashdam);
    assert_eq!(ours, run(Setup::rsyslog));
    let expected = "lower|mixed.case.example.com|<13>Tag: Text\n\
                    mixed|Mixed.Case.Example.COM|<13>Tag: Text\n";
    assert_eq!(ours, expected);
}
