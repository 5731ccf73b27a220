"""One row per device, production day, detector and flagged minute step.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.brick_production import detect


def model(dbt, session):
    """Judge the device-days that the pre-hook listed, each on its trailing window."""
    increments = dbt.ref("int_brick_increments")
    thresholds = dbt.ref("device_thresholds")
    window_days = int(dbt.config.get("window_days"))
    windows = session.query(
        f"""
        select
            days.day_fingerprint as fingerprint,
            days.device_id,
            days.production_date as judged_date,
            window_steps.production_date,
            window_steps.event_at,
            window_steps.seconds_since_level::double precision,
            window_steps.count_increment,
            window_steps.is_gap
        from pg_temp.days_to_build as days
        cross join lateral (
            select * from {increments} as increments
            where increments.device_id = days.device_id
                and increments.is_level
                and increments.production_date
                    between days.production_date - {window_days}
                    and days.production_date
            offset 0
        ) as window_steps
        """
    )
    return detect(windows, thresholds, window_days)
