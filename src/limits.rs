//! Every bound of the daemon in one place; the relations between them are
//! asserted at compile time at the end of the file.

/// Receive space of one chunk, in bytes: one provided buffer of a reactor.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks in a reactor's pool. 8 MiB in all: more falls out of the cache and
/// was measured slower.
pub const CHUNKS_PER_REACTOR: usize = 32;

/// Chunks that a reactor lends to the kernel at once.
pub const CHUNKS_PROVIDED_MAX: usize = 16;

/// Receive space of a short chunk, in bytes: what connections receive into until
/// they send more at once.
pub const SHORT_CHUNK_BYTES: usize = 2 * 1024;

/// Short chunks of a reactor: receives that find a place at once. They are
/// copied and used again in the same turn.
pub const SHORT_CHUNKS_PER_REACTOR: usize = 512;

/// Groups that the chunks of a reactor are divided into, one for each queue that
/// its listeners feed; those beyond share the last one. Each has a whole chunk
/// at least.
pub const RECEIVE_GROUPS_MAX: usize = 16;
/// Bytes in front of a datagram in its chunk: the kernel's header, the sender's
/// address, the count of what was dropped.
pub const DATAGRAM_HEAD_BYTES: usize = 72;

/// Longest datagram, in bytes: the length of IP and UDP is a 16-bit number.
pub const DATAGRAM_BYTES_MAX: usize = u16::MAX as usize;

/// Chunks of a reactor that datagrams are received into: what is received between
/// two looks. They are copied and used again in the same turn.
pub const DATAGRAM_CHUNKS_PER_REACTOR: usize = 256;

/// Receive buffer that a datagram socket gets where nothing else is set, in bytes,
/// as far as the kernel grants it: its own default, 208 KiB, is full after less than
/// 300 datagrams, before a daemon that sleeps has woken up.
pub const DATAGRAM_BUFFER_BYTES: u32 = 4 * 1024 * 1024;

/// Senders that a socket keeps for its next datagrams in a generation; there are
/// two.
pub const SENDERS_PER_GENERATION: usize = 8 * 1024;

/// Bytes that are received from a datagram socket at most when the daemon stops.
pub const DATAGRAM_DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that are received at most on a connection that has ended while the queue
/// is full.
pub const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// The same of all connections of a reactor, until the queue has room again.
pub const DRAINED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Default of `$MaxMessageSize`, in bytes.
pub const MESSAGE_BYTES_DEFAULT: usize = 8 * 1024;

/// Largest `$MaxMessageSize` that is accepted, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Smallest `$MaxMessageSize` that is accepted, in bytes (RFC 5424 section 6.1:
/// every receiver must accept 480 octets).
pub const MESSAGE_BYTES_MIN: usize = 480;

/// The header of a message is described by 16-bit offsets; header fields beyond
/// this offset are taken as part of MSG.
pub const HEADER_BYTES_MAX: usize = u16::MAX as usize;

/// Largest `maxFrameSize` that is accepted, in bytes, as in rsyslog.
pub const FRAME_BYTES_MAX: usize = 200_000_000;

/// Digits of an octet count that are read before it is refused: 2^31 has ten.
pub const OCTET_COUNT_DIGITS_MAX: usize = 10;

/// Messages that wait to be written to `oversizemsg.errorfile` at most.
pub const OVERSIZE_WAITING_MAX: usize = 1024;

/// Bytes that these have at most.
pub const OVERSIZE_WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of a line in which `framing.delimiter.regex` is searched.
pub const LINE_START_BYTES_MAX: usize = 4 * 1024;

/// Memory that the compiled expression of `framing.delimiter.regex` may take,
/// and once more for its cache, in bytes.
pub const LINE_START_PROGRAM_BYTES_MAX: usize = 1 << 20;

/// Records of one batch. A chunk of empty frames would hold 262,144.
pub const BATCH_RECORDS_MAX: usize = 32 * 1024;

/// Batches that wait in a queue at most, whatever its size in messages.
pub const QUEUE_BATCHES_MAX: usize = 64 * 1024;

/// Largest `queue.workerThreads`: each is a thread with a ring of its own.
pub const QUEUE_WORKERS_MAX: usize = 64;

/// Depth of calls from ruleset to ruleset.
pub const CALL_DEPTH_MAX: usize = 16;

/// Messages of the daemon's own that wait for room in the main queue at most.
pub const OWN_WAITING_MAX: usize = 20_000;

/// Bytes of one write to an output file.
pub const FILE_WRITE_BYTES: usize = 2 * 1024 * 1024;

/// Whole pages that go past the page cache at once at least, in bytes: fewer
/// are cheaper through it.
pub const DIRECT_BYTES_MIN: usize = 64 * 1024;

/// Time between two writes of an output file that is not written at full speed.
pub const FILE_FLUSH_MS: u64 = 5;

/// Alignment of O_DIRECT buffers, offsets and lengths, in bytes.
pub const DIRECT_ALIGN: usize = 4096;

/// Time after which a batch that still lies in a receive chunk is compacted.
pub const CHUNK_WAIT_MS_MAX: u64 = 50;

/// Receives below this many bytes are copied out of their chunk, so that a slow
/// connection never pins one.
pub const COPY_BYTES: usize = 64 * 1024;

/// Copied bytes at which a batch is passed on within a turn of the reactor.
pub const COLLECT_BYTES: usize = CHUNK_BYTES;

/// Arrays of each kind that wait to be used again, for each reactor.
pub const RECYCLED_MAX: usize = 64;

/// Bytes of the header that a proxy puts in front of a connection, with its
/// extensions.
pub const PROXY_HEADER_BYTES_MAX: usize = 1024;

/// Bytes that a compressed stream is inflated to at once.
pub const INFLATE_BYTES: usize = 64 * 1024;

/// Bytes that one connection's compressed stream is inflated to in one turn of
/// its reactor: 100 bytes can become 100,000.
pub const INFLATE_TURN_BYTES: usize = 1024 * 1024;

/// Capacity of an array of bytes that is worth waiting to be used again.
pub const RECYCLED_BYTES_MAX: usize = COLLECT_BYTES + CHUNK_BYTES;

/// Descriptors of a reactor or worker: its ring, its eventfd, the runtime's poll
/// and waker.
pub const DESCRIPTORS_PER_THREAD: u64 = 6;

/// Descriptors of an output file: with and without O_DIRECT, and its length.
pub const DESCRIPTORS_PER_FILE: u64 = 3;

/// Descriptors for all else: standard streams, signals, the admin socket and
/// its connections, name and time zone files, a connection that is refused.
pub const DESCRIPTORS_RESERVED: u64 = 48;

/// Descriptors that no connection takes: the admin socket answers, and an output
/// file is opened, also where connections have all others.
pub const DESCRIPTORS_KEPT: u64 = 16;

/// Addresses whose names are kept.
pub const NAME_CACHE_ENTRIES_MAX: usize = 16 * 1024;

/// Requests for names that wait; those beyond are dropped, and the address is
/// used.
pub const NAME_REQUESTS_MAX: usize = 4096;

/// Longest `net.dnsTimeout`, in milliseconds.
pub const NAME_WAIT_MS_MAX: u64 = 60_000;

/// Lookups of names that are under way at once, each on a thread.
pub const NAME_LOOKUPS_MAX: usize = 16;

/// Bytes of one configuration file.
pub const CONFIG_FILE_BYTES_MAX: u64 = 4 << 20;

/// Files of one configuration, the included ones counted.
pub const CONFIG_FILES_MAX: usize = 1000;

/// Depth of `$IncludeConfig` and `include()`; a file that includes itself ends
/// here.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// Depth of blocks. The parser and the check recurse once for each.
pub const BLOCK_DEPTH_MAX: usize = 64;

/// Diagnostics that are kept; beyond them only their number is told.
pub const DIAGNOSTICS_MAX: usize = 50;

/// Characters of a diagnostic's message.
pub const DIAGNOSTIC_CHARS_MAX: usize = 300;

/// Characters of a source line that a diagnostic shows.
pub const EXCERPT_CHARS_MAX: usize = 120;

const _: () = {
    // Positions in a file are 32-bit.
    assert!(CONFIG_FILE_BYTES_MAX < u32::MAX as u64);
    // File numbers are 16-bit.
    assert!(CONFIG_FILES_MAX < u16::MAX as usize);
    assert!(DIRECT_BYTES_MIN <= FILE_WRITE_BYTES);
    assert!(DESCRIPTORS_KEPT <= DESCRIPTORS_RESERVED);
    assert!(CHUNKS_PROVIDED_MAX <= CHUNKS_PER_REACTOR);
    // Each group has a chunk of each size at least.
    assert!(RECEIVE_GROUPS_MAX <= CHUNKS_PROVIDED_MAX);
    assert!(RECEIVE_GROUPS_MAX <= SHORT_CHUNKS_PER_REACTOR);
    assert!(COPY_BYTES <= CHUNK_BYTES);
    assert!(COLLECT_BYTES + CHUNK_BYTES + MESSAGE_BYTES_MAX < u32::MAX as usize);
    assert!(CHUNK_BYTES.is_power_of_two());
    // The beginning of a header waits in front of the next chunk's bytes, and
    // headrooms are multiples of this.
    assert!(PROXY_HEADER_BYTES_MAX <= DIRECT_ALIGN);
    assert!(INFLATE_BYTES <= INFLATE_TURN_BYTES);
    assert!(CHUNK_BYTES.is_multiple_of(DIRECT_ALIGN));
    assert!(FILE_WRITE_BYTES.is_multiple_of(DIRECT_ALIGN));
    assert!(MESSAGE_BYTES_MIN <= MESSAGE_BYTES_DEFAULT);
    assert!(MESSAGE_BYTES_DEFAULT <= MESSAGE_BYTES_MAX);
    assert!(MESSAGE_BYTES_MAX < u32::MAX as usize);
    // Any message fits when nothing else waits.
    assert!(MESSAGE_BYTES_MAX <= OVERSIZE_WAITING_BYTES_MAX);
    assert!(CHUNKS_PER_REACTOR.is_power_of_two());
    assert!(SHORT_CHUNKS_PER_REACTOR.is_power_of_two());
    assert!(DATAGRAM_CHUNKS_PER_REACTOR.is_power_of_two());
    assert!(SHORT_CHUNK_BYTES < COPY_BYTES);
};

/// Longest path of a unix socket, in bytes: sun_path without the zero behind it
/// (unix(7)).
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
