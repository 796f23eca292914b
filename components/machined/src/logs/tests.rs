use super::*;

const TIME: &str = "1970-01-01T00:00:00.000Z ";

fn add(ring: &Ring, line: &str) {
    ring.add_at(Timestamp::UNIX_EPOCH, line);
}

/// All that is there after a position.
fn read(ring: &Ring, mut position: u64) -> String {
    let mut text = Vec::new();
    while let Some((part, end)) = ring.next(position) {
        text.extend_from_slice(&part);
        position = end;
    }
    String::from_utf8(text).unwrap()
}

fn with_times(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{TIME}{line}\n")).collect()
}

#[test]
fn each_line_has_its_time() {
    let ring = Ring::default();
    let time = "2026-11-24T14:49:14.123456Z".parse().unwrap();
    ring.add_at(time, "INFO started ");
    assert_eq!(read(&ring, 0), "2026-11-24T14:49:14.123Z INFO started\n");
}

#[test]
fn reads_on_from_a_position() {
    let ring = Ring::default();
    add(&ring, "one");
    let position = ring.end();
    assert_eq!(read(&ring, 0), with_times(&["one"]));
    add(&ring, "two");
    assert_eq!(read(&ring, position), with_times(&["two"]));
    assert_eq!(read(&ring, position + TIME.len() as u64), "two\n");
    assert_eq!(ring.next(ring.end()), None);
    assert_eq!(ring.next(u64::MAX), None);
}

#[test]
fn positions_hold_across_compressed_chunks() {
    let ring = Ring::default();
    for number in 0..5000 {
        add(&ring, &number.to_string());
    }
    assert!(ring.lock().chunks.len() > 3);
    let all = read(&ring, 0);
    assert_eq!(all.len() as u64, ring.end());
    for position in [1, 40_000, 70_001] {
        assert_eq!(read(&ring, position), all[position as usize..]);
    }
}

#[test]
fn is_bounded_and_a_slow_reader_goes_on_with_the_oldest() {
    let ring = Ring::default();
    // What cannot be compressed takes the most memory.
    let mut noise = 1_u64;
    let mut written = 0;
    for _ in 0..2000 {
        let line: String = std::iter::repeat_with(|| {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + u8::try_from((noise >> 33) % 90).unwrap())
        })
        .take(998)
        .collect();
        add(&ring, &line);
        written += 998 + TIME.len() + 1;
    }
    let taken = {
        let content = ring.lock();
        content.chunks.iter().map(Chunk::stored).sum::<usize>() + content.open.len()
    };
    assert!(taken <= RING_BYTES + CHUNK_BYTES, "{taken}");
    assert_eq!(ring.end(), written as u64);
    let (oldest, end) = ring.next(0).unwrap();
    assert!(oldest.starts_with(TIME.as_bytes()) && end > oldest.len() as u64);
}

/// With usual lines, much more is kept than memory is taken. Shown with `--nocapture`.
#[test]
fn usual_lines_take_a_fraction_of_their_size() {
    let ring = Ring::default();
    for number in 0..100_000_u64 {
        let id = number.wrapping_mul(2_654_435_761) % 100_000;
        let line = match number % 3 {
            0 => format!(
                "INFO connection accepted peer=10.5.0.{} id={id:05}",
                id % 250
            ),
            1 => format!(
                "INFO call method=/machine.MachineService/Version id={id:05} took_us={}",
                id % 900
            ),
            _ => format!(
                "WARN pass failed, repeating it controller=\"network.RouteSpecController\" error=\"no link {id}\""
            ),
        };
        let time = Timestamp::from_microsecond(number as i64 * 7919).unwrap();
        ring.add_at(time, &line);
    }
    let content = ring.lock();
    let held: usize = content.chunks.iter().map(Chunk::length).sum();
    println!("{held} bytes of lines take {} bytes", content.stored);
    assert!(content.stored <= RING_BYTES);
    assert!(held > 4 * content.stored, "{held} {}", content.stored);
}

#[test]
fn a_line_without_an_end_is_cut() {
    let ring = Ring::default();
    add(&ring, &"ä".repeat(LINE_BYTES_MAX));
    assert_eq!(ring.end() as usize, TIME.len() + LINE_BYTES_MAX + 1);
}

#[test]
fn tail_counts_lines() {
    let ring = Ring::default();
    for line in ["a", "b", "c"] {
        add(&ring, line);
    }
    let tail = |count| read(&ring, ring.tail(count));
    assert_eq!(tail(2), with_times(&["b", "c"]));
    assert_eq!(tail(9), with_times(&["a", "b", "c"]));
    assert_eq!(tail(0), "");
    for _ in 0..5000 {
        add(&ring, "d");
    }
    assert_eq!(tail(4000).lines().count(), 4000);
}

#[tokio::test]
async fn waiting_ends_with_the_next_line() {
    let ring = Arc::new(Ring::default());
    let shared = Arc::clone(&ring);
    let waiting = tokio::spawn(async move { shared.wait(0).await });
    tokio::task::yield_now().await;
    ring.add("x");
    waiting.await.unwrap();
}
