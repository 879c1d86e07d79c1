-- Enrolment configurations are written one at a time per tenant with some seconds between them, over
-- all processes: a lane of their own.
ALTER TABLE graph_lanes DROP CONSTRAINT graph_lanes_lane_check;
ALTER TABLE graph_lanes ADD CONSTRAINT graph_lanes_lane_check
    CHECK (lane IN ('conditional_access', 'enrollment_configurations'));
