{{- /* The pod template of a Deployment's or a DaemonSet's resolvers; takes (list $ spread). */ -}}
{{- define "cqar.resolver.pod" -}}
{{- $ := index . 0 -}}
{{- $me := list $ "resolver" -}}
metadata:
  labels: {{- include "cqar.selector" $me | nindent 4 }}
  annotations:
    checksum/config: {{ include "cqar.config" $ | sha256sum }}
spec:
  serviceAccountName: {{ include "cqar.name" $ }}-resolver
  automountServiceAccountToken: false
  {{- include "cqar.pullSecrets" $ | nindent 2 }}
  # The preStop's 5 s, drain_s, and the last good file to be written.
  terminationGracePeriodSeconds: 45
  {{- if index . 1 }}
  {{- include "cqar.spread" $me | nindent 2 }}
  {{- end }}
  securityContext: {{- include "cqar.podSecurity" $ | nindent 4 }}
  containers:
    - name: resolver
      image: {{ include "cqar.image" (list $ "cqar-resolver") }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      args: [serve]
      env: {{- include "cqar.environment" "RESOLVER" | nindent 8 }}
      ports:
        - {name: grpc, containerPort: 9091}
        - {name: http, containerPort: 8081}
      startupProbe:
        httpGet: {path: /health/live, port: http}
        periodSeconds: 1
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /health/live, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
      # Once it has the registry; it stays ready while it is STALE, and says so in each answer.
      readinessProbe:
        httpGet: {path: /health/ready, port: http}
        periodSeconds: 2
        timeoutSeconds: 3
      lifecycle:
        preStop: {sleep: {seconds: 5}}
      resources: {{- toYaml $.Values.resolver.resources | nindent 8 }}
      securityContext: {{- include "cqar.containerSecurity" $ | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/cqar, readOnly: true}
        - {name: secrets, mountPath: /run/secrets/cqar, readOnly: true}
        - {name: last-good, mountPath: /var/lib/cqar}
        {{- if $.Values.tls.secret }}
        - {name: tls, mountPath: /etc/cqar-tls, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "cqar.name" $ }}-config}
    - name: secrets
      secret: {secretName: {{ $.Values.secrets.resolver }}, defaultMode: 0440}
    # Outlives its container, not its pod: a new pod starts from PostgreSQL, or from Redis.
    - name: last-good
      emptyDir: {sizeLimit: 2Gi}
    {{- with $.Values.tls.secret }}
    - name: tls
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
{{- end }}
