"""What is handed out: cohorts under a seed, divided only where slots would be idle."""

from fpmg_bench.cluster.scenes import scenes


def ids(found):
    return [sorted(trial.id for trial in scene.trials) for scene in found]


def test_a_scene_is_a_cohort_under_one_seed(planned):
    trials = [planned(seed, method) for seed in (0, 1) for method in "ab"]
    assert ids(scenes(trials, slots=2)) == [["tiny/a/0", "tiny/b/0"], ["tiny/a/1", "tiny/b/1"]]
    assert ids(scenes(trials, slots=1)) == ids(scenes(trials, slots=2))


def test_the_same_key_is_handed_out_once(planned):
    assert ids(scenes([planned(), planned()], slots=4)) == [["tiny/m/0"]]


def test_fewer_scenes_than_slots_are_divided_but_never_a_stage_1(planned):
    shared = [planned(0, method, stage1="s") for method in "abc"]
    found = ids(scenes([*shared, planned(0, "d"), planned(0, "e")], slots=8))
    assert sorted(found) == [["tiny/a/0", "tiny/b/0", "tiny/c/0"], ["tiny/d/0"], ["tiny/e/0"]]


def test_every_trial_is_in_one_scene_whatever_the_slots(planned):
    trials = [planned(seed, method, stage1=f"{seed}{method in 'ab'}") for seed in range(3) for method in "abcdef"]
    for slots in (1, 2, 4, 5, 7, 40):
        found = [id for scene in ids(scenes(trials, slots)) for id in scene]
        assert sorted(found) == sorted(trial.id for trial in trials)
