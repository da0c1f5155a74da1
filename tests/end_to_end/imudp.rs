//! Syslog over UDP: what becomes of datagrams, and of those that are too many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::support::{
    Accounts, Daemon, Namespace, Scratch, Setup, to_file, wait_for, wait_for_text,
};

const LINE: &str = "template(name=\"line\" type=\"string\" \
                    string=\"%inputname%|%fromhost%|%fromhost-ip%|%hostname%|%syslogtag%|%msg%\\n\")\n";

/// A listener on a port of the kernel's choice, with more parameters, and the
/// statements of [`LINE`].
fn statements(parameters: &str) -> String {
    format!(
        "{LINE}module(load=\"imudp\")\n\
         input(type=\"imudp\" port=\"0\" address=\"127.0.0.1\" {parameters})\n"
    )
}

fn setup(parameters: &str) -> Setup {
    Setup::new(to_file("{dir}/out.log", "line", "")).statements(statements(parameters))
}

/// Where the listener of this name receives.
fn target(daemon: &Daemon, name: &str) -> SocketAddr {
    let address = daemon.accounts().address(name);
    let address = address.strip_suffix("/udp").expect("a UDP listener");
    let address: SocketAddr = address.parse().unwrap();
    match address.ip().is_unspecified() {
        true => (Ipv4Addr::LOCALHOST, address.port()).into(),
        false => address,
    }
}

/// Sends each text as a datagram, from this address of the loopback.
fn send<T: AsRef<[u8]>>(
    from: impl Into<IpAddr>,
    to: SocketAddr,
    texts: impl IntoIterator<Item = T>,
) {
    let socket = UdpSocket::bind(SocketAddr::new(from.into(), 0)).unwrap();
    for text in texts {
        socket.send_to(text.as_ref(), to).unwrap();
    }
}

fn lines(scratch: &Scratch, name: &str) -> Vec<String> {
    let content = std::fs::read(scratch.join(name)).unwrap_or_default();
    let content = String::from_utf8(content).unwrap();
    content.lines().map(str::to_owned).collect()
}

/// A port that nobody receives on.
fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("<13>Oct 11 22:14:15 host tag: {number}"))
}

#[test]
fn datagrams_are_the_messages_that_rsyslog_makes_of_them() {
    let long = format!("<13>Oct 11 22:14:15 host tag: {}", "x".repeat(2000));
    let datagrams: Vec<&[u8]> = vec![
        b"<13>Oct 11 22:14:15 host tag: plain",
        b"<13>Oct 11 22:14:15 host tag: line feed\n",
        b"<13>Oct 11 22:14:15 host tag: both\r\n",
        b"<13>Oct 11 22:14:15 host tag: NUL\0",
        b"<13>Oct 11 22:14:15 host tag: line feed and NUL\n\0",
        b"<13>Oct 11 22:14:15 host tag: two\n\n",
        b"<13>Oct 11 22:14:15 host tag: first\nsecond",
        b"",
        b"\n",
        b"\0",
        b"no header at all",
        long.as_bytes(),
        b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 - the last",
    ];
    let written: Vec<Vec<String>> = [true, false]
        .map(|is_splashdam| {
            let scratch = Scratch::new();
            let port = free_port();
            let setup = Setup::new("*.* {dir}/others.log").statements(format!(
                "{LINE}$MaxMessageSize 1000\nmodule(load=\"imudp\")\n\
                 ruleset(name=\"udp\") {{\n\
                 action(type=\"omfile\" file=\"{{dir}}/out.log\" template=\"line\")\n}}\n\
                 input(type=\"imudp\" port=\"{port}\" address=\"127.0.0.1\" ruleset=\"udp\" \
                 name=\"datagrams\" name.appendPort=\"on\")\n"
            ));
            let daemon = match is_splashdam {
                true => setup.splashdam(&scratch),
                false => setup.rsyslog(&scratch),
            };
            send(
                Ipv4Addr::LOCALHOST,
                (Ipv4Addr::LOCALHOST, port).into(),
                &datagrams,
            );
            wait_for_text(&scratch.join("out.log"), "the last");
            if is_splashdam {
                let accounts = daemon.accounts();
                let count = |field: &str| accounts.listener(&format!("datagrams{port}"), field);
                assert_eq!(count("received"), datagrams.len() as u64);
                assert_eq!(count("discarded_empty"), 1);
                assert_eq!(count("truncated"), 1);
            }
            daemon.stop();
            let lines = lines(&scratch, "out.log").into_iter();
            lines
                .map(|line| {
                    let line = line.replace(&port.to_string(), "PORT");
                    // rsyslog knows this address without a lookup.
                    line.replace("|localhost|", "|127.0.0.1|")
                })
                .collect()
        })
        .into();
    assert_eq!(written[0].len(), 12);
    assert_eq!(written[0], written[1]);
}

#[test]
fn ports_are_listeners_of_their_own_also_of_ipv6() {
    let scratch = Scratch::new();
    let daemon = Setup::new(format!(
        "ruleset(name=\"a\") {{ {} }}\nruleset(name=\"b\") {{ {} }}\n*.* {{dir}}/rest.log",
        "action(type=\"omfile\" file=\"{dir}/a.log\" template=\"line\")",
        "action(type=\"omfile\" file=\"{dir}/b.log\" template=\"line\")",
    ))
    .statements(format!(
        "{LINE}module(load=\"imudp\" threads=\"2\")\n\
         input(type=\"imudp\" port=\"0\" ruleset=\"a\" name=\"all\")\n\
         input(type=\"imudp\" port=\"0\" address=\"::1\" ruleset=\"b\" name=\"six\")\n"
    ))
    .splashdam(&scratch);
    let all = target(&daemon, "all");
    let table = std::fs::read_to_string("/proc/net/udp6").unwrap();
    let place = format!("{}:{:04X} ", "0".repeat(32), all.port());
    assert_eq!(table.matches(&place).count(), 2, "{table}");
    // Each sender's datagrams come to one of the two sockets.
    for _ in 0..8 {
        send(
            Ipv4Addr::LOCALHOST,
            all,
            ["<13>Oct 11 22:14:15 host tag: four"],
        );
    }
    let all_of_six = SocketAddr::from((Ipv6Addr::LOCALHOST, all.port()));
    send(
        Ipv6Addr::LOCALHOST,
        all_of_six,
        ["<13>Oct 11 22:14:15 host tag: six"],
    );
    let six = target(&daemon, "six");
    send(
        Ipv6Addr::LOCALHOST,
        six,
        ["<13>Oct 11 22:14:15 host tag: only six"],
    );
    daemon.wait_for_accounts("all messages", |now| {
        now.listener("all", "received") + now.listener("six", "received") == 10
    });
    daemon.stop();
    let mut found = lines(&scratch, "a.log");
    found.sort();
    let four = "all|127.0.0.1|127.0.0.1|host|tag:| four";
    assert_eq!(found[..8], [four; 8]);
    assert_eq!(found[8..], ["all|::1|::1|host|tag:| six"]);
    assert_eq!(
        lines(&scratch, "b.log"),
        ["six|::1|::1|host|tag:| only six"]
    );
}

#[test]
fn who_may_not_talk_is_counted_and_no_message() {
    let scratch = Scratch::new();
    let other = Ipv4Addr::new(127, 7, 0, 1);
    let daemon = Setup::new(to_file("{dir}/out.log", "line", ""))
        .statements(format!(
            "{}input(type=\"imudp\" port=\"0\" address=\"127.0.0.1\" name=\"denies\" \
             deny=\"127.0.0.1\")\n$AllowedSender UDP, 127.0.0.1\n",
            statements("")
        ))
        .splashdam(&scratch);
    let (open, denies) = (target(&daemon, "imudp"), target(&daemon, "denies"));
    send(
        other,
        open,
        ["<13>Oct 11 22:14:15 host tag: one", "two", "three"],
    );
    send(
        Ipv4Addr::LOCALHOST,
        denies,
        ["<13>Oct 11 22:14:15 host tag: four"],
    );
    send(
        Ipv4Addr::LOCALHOST,
        open,
        ["<13>Oct 11 22:14:15 host tag: five"],
    );
    let accounts = daemon.wait_for_accounts("all datagrams", |now| {
        now.listener("imudp", "received") == 1 && now.listener("denies", "denied") == 1
    });
    assert_eq!(accounts.listener("imudp", "denied"), 3);
    assert_eq!(accounts.listener("denies", "received"), 0);
    let told = daemon.stderr();
    let text = "imudp: datagrams of senders that are not allowed are discarded, 1 so far";
    assert_eq!(told.matches(text).count(), 1, "{told}");
    daemon.stop();
    let found = lines(&scratch, "out.log");
    assert_eq!(found, ["imudp|127.0.0.1|127.0.0.1|host|tag:| five"]);
}

#[test]
fn what_is_above_the_rate_is_discarded() {
    let scratch = Scratch::new();
    let limit = "ratelimit.interval=\"600\" ratelimit.burst=\"10\"";
    let daemon = setup(limit).splashdam(&scratch);
    let to = target(&daemon, "imudp");
    for text in numbered(25) {
        send(Ipv4Addr::LOCALHOST, to, [text]);
    }
    daemon.wait_for_accounts("all datagrams", |now| {
        now.listener("imudp", "received") == 25
    });
    daemon.check_accounts();
    let accounts = daemon.accounts();
    assert_eq!(accounts.listener("imudp", "enqueued"), 10);
    assert_eq!(accounts.listener("imudp", "discarded_rate_limit"), 15);
    daemon.stop();
    let expected: Vec<String> = (0..10)
        .map(|number| format!("imudp|127.0.0.1|127.0.0.1|host|tag:| {number}"))
        .collect();
    assert_eq!(lines(&scratch, "out.log"), expected);
}

/// Received and dropped of a listener.
fn came(accounts: &Accounts) -> u64 {
    accounts.listener("imudp", "received") + accounts.listener("imudp", "dropped_by_kernel")
}

#[test]
fn what_the_kernel_drops_is_counted_and_told() {
    let scratch = Scratch::new();
    let daemon = setup("rcvbufSize=\"64k\"").splashdam(&scratch);
    let to = target(&daemon, "imudp");
    daemon.signal("STOP");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for text in numbered(3000) {
        socket.send_to(text.as_bytes(), to).unwrap();
    }
    daemon.signal("CONT");
    let accounts = daemon.wait_for_accounts("all datagrams", |now| came(now) == 3000);
    let dropped = accounts.listener("imudp", "dropped_by_kernel");
    assert!((1000..3000).contains(&dropped), "{dropped}");
    // The kernel tells the reactor with the next one that it takes.
    socket
        .send_to(b"<13>Oct 11 22:14:15 host tag: next", to)
        .unwrap();
    daemon.wait_for_accounts("the next one", |now| came(now) == 3001);
    daemon.stop();
}

/// A full queue stops the reception; when it has room again, it goes on.
#[test]
fn a_queue_without_room_leaves_datagrams_to_the_kernel() {
    let scratch = Scratch::new();
    let parameters = "createDirs=\"off\" action.resumeInterval=\"1\"";
    let daemon = Setup::new(to_file("{dir}/missing/out.log", "line", parameters))
        .statements(statements(""))
        .queue("queue.size=\"100\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let to = target(&daemon, "imudp");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // As long as the action's buffers take messages the queue is not full.
    let padding = "x".repeat(4000);
    let mut sent = 0;
    wait_for("drops", || {
        for _ in 0..100 {
            let text = format!("<13>Oct 11 22:14:15 host tag: {sent} {padding}");
            socket.send_to(text.as_bytes(), to).unwrap();
            sent += 1;
        }
        let accounts = daemon.accounts();
        let is_full = accounts.queue("held") > 50;
        (is_full && accounts.listener("imudp", "dropped_by_kernel") > 100).then_some(())
    });
    std::fs::create_dir(scratch.join("missing")).unwrap();
    let accounts = daemon.wait_for_accounts("all datagrams", |now| {
        came(now) == sent && !now.is_anything_held() && now.listener("imudp", "held") == 0
    });
    let delivered = accounts.action("out", "delivered");
    assert_eq!(lines(&scratch, "missing/out.log").len() as u64, delivered);
    socket
        .send_to(b"<13>Oct 11 22:14:15 host tag: the last", to)
        .unwrap();
    wait_for_text(&scratch.join("missing/out.log"), "the last");
    daemon.stop();
}

#[test]
fn what_lies_in_the_socket_at_a_stop_is_delivered() {
    let scratch = Scratch::new();
    let daemon = setup("rcvbufSize=\"4m\"").splashdam(&scratch);
    let to = target(&daemon, "imudp");
    daemon.signal("STOP");
    send(Ipv4Addr::LOCALHOST, to, numbered(1500));
    daemon.signal("TERM");
    daemon.signal("CONT");
    assert!(daemon.wait().success());
    assert_eq!(lines(&scratch, "out.log").len(), 1500);
}

/// With the kernel's own default less than 300 would find room.
#[test]
fn a_burst_finds_room_also_where_no_receive_buffer_is_set() {
    let scratch = Scratch::new();
    let daemon = setup("").splashdam(&scratch);
    let to = target(&daemon, "imudp");
    daemon.signal("STOP");
    send(Ipv4Addr::LOCALHOST, to, numbered(3000));
    daemon.signal("CONT");
    let accounts = daemon.wait_for_accounts("all datagrams", |now| came(now) >= 3000);
    assert_eq!(accounts.listener("imudp", "dropped_by_kernel"), 0);
    daemon.stop();
}

#[test]
fn a_receive_buffer_that_is_not_granted_is_told() {
    for (prefix, is_told) in [
        (&[][..], false),
        (&["setpriv", "--bounding-set=-net_admin"], true),
    ] {
        let scratch = Scratch::new();
        let daemon = setup("rcvbufSize=\"64m\"")
            .prefix(prefix)
            .splashdam(&scratch);
        wait_for_text(&scratch.join("own.log"), "started, listening on");
        daemon.wait_for_accounts("nothing held", |now| !now.is_anything_held());
        let told = daemon.stderr();
        let text = "rcvbufSize is 67108864 bytes, and the kernel grants";
        assert_eq!(told.contains(text), is_told, "{told}");
        assert_eq!(told.contains("net.core.rmem_max"), is_told);
        daemon.stop();
    }
}

#[test]
fn an_address_that_is_not_there_is_bound_to_or_not() {
    let scratch = Scratch::new();
    let input = |free_bind: u8| {
        format!(
            "module(load=\"imudp\")\n\
             input(type=\"imudp\" port=\"0\" address=\"192.0.2.1\" ipFreeBind=\"{free_bind}\")\n"
        )
    };
    let setup = |free_bind| {
        Setup::new(to_file("{dir}/out.log", "RSYSLOG_FileFormat", "")).statements(input(free_bind))
    };
    let daemon = setup(2).splashdam(&scratch);
    wait_for("the remark", || {
        daemon
            .stderr()
            .contains("192.0.2.1 is no address of this host yet")
            .then_some(())
    });
    daemon.stop();
    let configuration = format!("{}*.* /dev/null\n", input(0));
    let path = scratch.write("no.conf", configuration);
    let mut daemon = crate::support::splashdam(scratch.path());
    let output = daemon.args(["-n", "-f"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("cannot listen on 192.0.2.1:0/udp"), "{said}");
}

#[test]
fn a_datagram_that_is_too_long_is_missing_in_the_file_of_those_and_counted() {
    let scratch = Scratch::new();
    let daemon = setup("")
        .own_hostname("oversizemsg.errorfile=\"{dir}/long.json\"")
        .splashdam(&scratch);
    let texts = ["x".repeat(60_000), "short".to_owned(), "y".repeat(8193)];
    send(Ipv4Addr::LOCALHOST, target(&daemon, "imudp"), texts);
    let accounts = daemon.wait_for_accounts("all datagrams", |now| {
        now.listener("imudp", "received") == 3
    });
    assert_eq!(accounts.listener("imudp", "truncated"), 2);
    assert_eq!(accounts.listener("imudp", "oversize_unwritten"), 2);
    daemon.stop();
}

#[test]
fn a_port_that_another_daemon_has_is_not_shared_with_it() {
    let scratch = Scratch::new();
    let input = |port: u16| {
        format!(
            "module(load=\"imudp\" threads=\"2\")\n\
             input(type=\"imudp\" port=\"{port}\" address=\"127.0.0.1\")\n"
        )
    };
    let first = Setup::new(to_file("{dir}/out.log", "RSYSLOG_FileFormat", ""))
        .statements(input(0))
        .splashdam(&scratch);
    let port = target(&first, "imudp").port();
    let configuration = format!("{}*.* /dev/null\n", input(port));
    let path = scratch.write("second.conf", configuration);
    let mut second = crate::support::splashdam(scratch.path());
    let output = second.args(["-n", "-f"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("cannot listen on 127.0.0.1:{port}/udp");
    assert!(said.contains(&expected), "{said}");
    // Its own sockets share the senders.
    for _ in 0..32 {
        send(Ipv4Addr::LOCALHOST, target(&first, "imudp"), ["<13>hello"]);
    }
    first.wait_for_accounts("all messages", |now| {
        now.listener("imudp", "received") == 32
    });
    first.stop();
}

#[test]
fn a_name_holds_from_when_it_is_known() {
    let namespace = Namespace::alone();
    namespace.etc(
        "hosts",
        "127.0.0.1 localhost\n127.7.0.3 First.Example second\n",
    );
    let scratch = Scratch::new();
    let daemon = setup("")
        .namespace(&namespace)
        .resolve_names()
        .splashdam(&scratch);
    let to = target(&daemon, "imudp");
    let sender = Ipv4Addr::new(127, 7, 0, 3);
    let mut sent = 0;
    wait_for("the name", || {
        namespace.enter(|| send(sender, to, ["<13>Oct 11 22:14:15 host tag: text"]));
        sent += 1;
        daemon.wait_for_accounts("the datagram", |now| {
            now.listener("imudp", "received") >= sent && !now.is_anything_held()
        });
        let last = lines(&scratch, "out.log").pop();
        (last? == "imudp|First.Example|127.7.0.3|host|tag:| text").then_some(())
    });
    let first = &lines(&scratch, "out.log")[0];
    assert_eq!(first, "imudp|127.7.0.3|127.7.0.3|host|tag:| text");
    daemon.stop();
}
