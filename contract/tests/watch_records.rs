//! The records about watches read as they were written.

use contract::{
    Encoder, Record, RefusedWatch, TimedOperation, Watch, WatchKind, WatchProgram, WatchRuns,
    WatchSite, WatchState, WatchedSlope,
};
use proptest::prelude::*;
use proptest::sample::select;

prop_compose! {
    fn watch()(
        kind in select(&WatchKind::ALL[..]),
        site in select(&WatchSite::ALL[..]),
        program in select(&WatchProgram::ALL[..]),
        operation in select(&TimedOperation::ALL[..]),
    ) -> Watch {
        Watch { kind, site, program, operation }
    }
}

prop_compose! {
    fn slope()(
        state in select(&WatchState::ALL[..]),
        [watch, ops, ticks_n, ticks_2n] in any::<[u64; 4]>(),
    ) -> WatchedSlope {
        WatchedSlope { watch, state, ops, ticks_n, ticks_2n }
    }
}

proptest! {
    #[test]
    fn every_written_record_reads_the_same(
        number: u64,
        watch in watch(),
        slope in slope(),
        [expected, runs, missed, lost] in any::<[u64; 4]>(),
        reason in "[a-zA-Z;: ]{0,40}",
    ) {
        let runs = WatchRuns { watch: number, expected, runs, missed, lost };
        let refused = RefusedWatch { watch: number, reason: &reason };
        let mut encoder = Encoder::new(String::new());
        encoder.watch(number, &watch).unwrap();
        encoder.watched(&slope).unwrap();
        encoder.runs(&runs).unwrap();
        encoder.refused(&refused).unwrap();
        let log = encoder.end().unwrap();
        let records: Vec<_> = log.lines().map(|line| Record::parse(line).unwrap().unwrap()).collect();
        let expected = [
            Record::Watch(number, watch),
            Record::Watched(slope),
            Record::Runs(runs),
            Record::Refused(refused),
        ];
        prop_assert_eq!(&records[..4], &expected[..]);
    }

    #[test]
    fn no_line_makes_the_parser_panic(line in "(watch|watched|runs|refused)[\t0-9a-z+.-]{0,60}") {
        let _ = Record::parse(&line);
    }
}

#[test]
fn kinds_fit_their_sites() {
    let fits = |kind: WatchKind| {
        let sites = WatchSite::ALL.into_iter().filter(|site| kind.fits(*site));
        sites.map(WatchSite::name).collect::<Vec<_>>()
    };
    assert_eq!(fits(WatchKind::RawTp), ["sys_enter"]);
    assert_eq!(
        fits(WatchKind::Tracepoint),
        ["sys_enter", "getpgid", "chdir"]
    );
    assert_eq!(fits(WatchKind::Fexit), ["getpgid", "chdir"]);
    assert_eq!(
        fits(WatchKind::UprobeMulti),
        ["nop", "push", "branch", "single-step"]
    );
}
