# One row per device, production day, detector and flagged minute step; a detector that
# flags nothing that day has one row without a time.
from brickworks.brick_anomalies import detect


def model(dbt, session):
    increments = dbt.ref("int_brick_increments")
    device_days = dbt.ref("device_day_inputs")
    thresholds = dbt.ref("device_thresholds")
    window_days = dbt.config.get("window_days")
    days = session.query(
        f"""
        select
            days.window_fingerprint as fingerprint,
            days.production_date as judged_date,
            days.device_id,
            increments.production_date,
            increments.event_at,
            increments.seconds_since_level,
            increments.count_increment,
            increments.is_gap
        from {device_days} as days
        inner join {increments} as increments
            on days.device_id = increments.device_id
            and increments.is_level
            and increments.production_date
                between days.production_date - {int(window_days)}
                and days.production_date
        where days.sensor_type = 'brick_counter'
        """
    )
    return detect(days, thresholds, int(window_days))
