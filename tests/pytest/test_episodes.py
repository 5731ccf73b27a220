"""An episode through its life: it opens, lasts, is told worse, and ends."""

from arrivals import at, readings
from plant import Plant

DEVICE = "STANDS-01"


def _episodes(plant: Plant) -> list[tuple]:
    return plant.sql(
        "select episode_id, started_at, ended_at, severity, round(observed),"
        " explanation"
        " from analytics.anomaly_episodes where device_id = %s and rule = 'stoppage'",
        DEVICE,
    )


def test_an_open_episode_keeps_its_id_and_its_onset(plant: Plant):
    """Stopped from 10:00 on, told of from 10:10 on, running again from 12:30 on."""
    made = readings(DEVICE, at("08:00", 1), range(1000, 1000 + 10 * 121, 10))
    plant.arrive(made + readings(DEVICE, at("10:01", 1), [2200] * 20))
    plant.run()
    (first,) = _episodes(plant)
    assert first[1] == at("10:10", 1)
    assert first[2] is None
    assert first[3:5] == ("warning", 1200)
    assert "since 2026-03-03 10:10" in first[5]

    plant.arrive(readings(DEVICE, at("10:21", 1), [2200] * 129))
    plant.run()
    (later,) = _episodes(plant)
    assert later[:3] == first[:3]
    assert later[3] == "critical"

    plant.arrive(readings(DEVICE, at("12:30", 1), range(2210, 2210 + 10 * 60, 10)))
    plant.run()
    (ended,) = _episodes(plant)
    assert ended[:2] == first[:2]
    assert at("12:28", 1) <= ended[2] <= at("12:30", 1)
    assert "2026-03-03 10:10 to 12:" in ended[5]

    # A message that comes late ends the stop sooner, and moves nothing else.
    plant.arrive(readings(DEVICE, at("11:00.5", 1), [2205]))
    plant.run()
    plant.assert_equal_to_full_refresh()
