"""One row per device, production day, detector and flagged minute step.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.brick_production import detect


def model(dbt, session):
    """Judge the device-days that are due, each on its trailing window."""
    device_days = dbt.ref("device_days")
    steps = dbt.ref("int_brick_steps")
    thresholds = dbt.ref("device_thresholds")
    window_days = int(dbt.config.get("window_days"))
    # A day without a step in its window has one row without a time: it is judged, too.
    windows = session.query(
        f"""
        select
            device_days.device_id,
            device_days.production_date as judged_date,
            window_steps.production_date,
            window_steps.ends_at as at,
            window_steps.seconds::double precision,
            window_steps.count_increment::double precision as pieces,
            coalesce(window_steps.is_gap, true) as is_gap
        from {session.days(device_days)} as device_days
        left join lateral {session.reads(steps)} as window_steps on true
        """
    )
    return detect(windows, thresholds, window_days)
