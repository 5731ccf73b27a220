"""One row per device, production day, detector and flagged minute step.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.brick_production import detect


def model(dbt, session):
    """Judge the device-days that are due, each on its trailing window."""
    device_days = dbt.ref("device_days")
    increments = dbt.ref("int_brick_increments")
    thresholds = dbt.ref("device_thresholds")
    window_days = int(dbt.config.get("window_days"))
    windows = session.query(
        f"""
        select
            device_days.device_id,
            device_days.production_date as judged_date,
            window_steps.production_date,
            window_steps.event_at,
            window_steps.seconds_since_level::double precision,
            window_steps.count_increment,
            window_steps.is_gap
        from {session.days(device_days)} as device_days
        cross join lateral {session.reads(increments)} as window_steps
        where window_steps.is_level
        """
    )
    return detect(windows, thresholds, window_days)
