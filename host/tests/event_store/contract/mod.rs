//! The **contract** of event stores. Each promise is written once, as a function that is given a maker of empty stores;
//! `contract!` makes tests of all of them for an adapter. A new adapter needs a maker and one line below.

mod appending;
mod bulk;
mod following;
mod reading;

use crate::Made;

/// Makes an empty store each time.
type Make = fn() -> Made;

macro_rules! contract {
    ($adapter:ident: $($part:ident { $($promise:ident)* })*) => {
        mod $adapter {
            $($(
                #[test]
                fn $promise() {
                    super::$part::$promise(crate::$adapter);
                }
            )*)*
        }
    };
    ($($adapter:ident)*) => {
        $(contract! { $adapter:
            appending {
                positions_grow_and_stream_versions_have_no_gaps
                everything_comes_back_as_it_was_recorded
                expected_versions_are_held
                a_retried_append_is_harmless
                an_id_with_another_event_is_a_fault_and_nothing_is_recorded
                what_breaks_a_rule_is_refused_before_anything_is_recorded
            }
            bulk {
                events_of_any_streams_are_recorded_in_order
                what_is_there_already_is_not_recorded_again
                a_conflict_ends_it_and_what_came_before_is_recorded
                appends_and_bulk_appends_go_on_from_each_other
            }
            reading {
                an_empty_log_can_be_read
                only_what_is_wanted_is_visited_and_read
                a_scan_can_be_cut_anywhere
                a_range_leaves_out_its_beginning_and_has_its_end
                a_fault_of_the_visitor_ends_the_scan
                numbers_are_equal_for_equal_names
                an_event_is_known_by_its_id
                a_time_is_found_even_when_times_do_not_grow
                a_reader_beside_a_writer_sees_each_commit_whole
            }
            following {
                a_follower_waits_no_longer_than_it_is_told
                a_follower_is_told_of_an_append
                a_follower_is_told_of_a_bulk_append
                several_followers_are_all_told
            }
        })*
    };
}

contract! { sqlite memory sparse_memory }
